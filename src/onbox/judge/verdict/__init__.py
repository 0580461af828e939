"""One trial: contenders compared, checked, and the verdict in numbers and sentences."""
