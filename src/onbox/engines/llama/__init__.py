"""llama.cpp's server: as a program of this box or of a container, and embedded."""
