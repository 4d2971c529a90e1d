"""The one exception that means: the input is at fault, and the message says what to do."""


class InputError(ValueError):
    """Bad input. The message names the file, the key or the value, and what was expected.

    The command line and the Snakefile print the message alone and exit with a non-zero status;
    any other exception is a bug and keeps its traceback.
    """
