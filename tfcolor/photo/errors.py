"""The one error of this folder."""


class PhotoError(ValueError):
    """What is wrong with one photo and what would help, as one line: `wrong: remedy`."""

    def __init__(self, wrong: str, remedy: str):
        super().__init__(f"{wrong}: {remedy}")
        self.wrong = wrong
        self.remedy = remedy
