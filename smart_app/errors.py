"""What a page says when it cannot be shown. The texts are ours: nothing of the patient or the request."""

from dataclasses import dataclass


@dataclass(eq=False)
class PageError(Exception):
    """An answer that is a page of its own.

    ``status`` is the HTTP status; ``title`` is the heading and ``text`` says what happened and what to do,
    both without patient data. ``retry`` offers to load the same page again, ``new_window`` explains what to
    do where the browser keeps no cookies in frames.
    """

    status: int
    title: str
    text: str
    retry: bool = False
    new_window: bool = False

    def __str__(self) -> str:
        """Status and title."""
        return f"{self.status} {self.title}"


def session_ended() -> PageError:
    """No session can be proven: it ended, was never there, or its cookie did not come. All look alike."""
    return PageError(
        401,
        "This page has closed",
        "You signed out, or the page was not used for a while, or it was open for too long. "
        "Nothing was saved by this last step. Open it again from the patient's chart.",
        new_window=True,
    )


def wrong_patient() -> PageError:
    """A form of one session or patient was sent to another."""
    return PageError(
        409,
        "Stop: this form belongs to another patient or another launch",
        "Nothing was saved. Close this page, open the right patient's chart and launch from there again.",
    )


def refused_form() -> PageError:
    """A POST that no form of ours has sent."""
    return PageError(
        403,
        "This form was not accepted",
        "It did not come from a page of this app. Nothing was saved. Go back, load the page again and retry.",
    )


def sign_in_ended() -> PageError:
    """The EHR no longer takes the sign-in, and it could not be renewed."""
    return PageError(
        401,
        "The sign-in to the EHR has ended",
        "The EHR no longer accepts it and it could not be renewed. Nothing was saved by this last step. "
        "Open this page again from the patient's chart.",
    )


def wrong_record() -> PageError:
    """The EHR sent data of another patient among those of the session's."""
    return PageError(
        502,
        "Stop: the EHR sent data of another patient",
        "Nothing is shown, as it may be mixed up. Use the chart itself, and tell who runs the EHR.",
    )
