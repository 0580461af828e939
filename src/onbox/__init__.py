"""onbox: is a local language model worth running on the box you own?"""

__version__ = "0.1.0"
