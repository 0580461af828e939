<<<<<<< HEAD
"""Numbers of other tools: which of them are what they call themselves."""
=======
"""What files of other tools are worth: number by number, and as a verdict where they hold runs."""
>>>>>>> main
