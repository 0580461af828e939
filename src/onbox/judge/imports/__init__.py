"""What files of other tools are worth: number by number, and as a verdict where they hold runs."""
