"""Who agreed to a change, and to how much of it: a person at the terminal, or the options of an automatic run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from infra.changes import Change
from infra.errors import DeploymentError

Ask = Callable[[str], str]


class NotApprovedError(DeploymentError):
    """Raised when nobody agreed to a change. Nothing was changed."""


@dataclass(frozen=True)
class Approval:
    """How to find out whether a change is wanted. ``ask`` is None where nobody is at a terminal."""

    ask: Ask | None = None
    yes: bool = False
    """Changes are agreed to beforehand, as far as no table and no queue loses what it holds."""
    yes_to_data_loss: bool = False

    def require(self, changes: Sequence[Change]) -> None:
        """Return if the changes are wanted.

        Raises:
            NotApprovedError: if they are not, or nobody can be asked.
        """
        losing = [change.name for change in changes if change.loses_data]
        if losing and not self.yes_to_data_loss:
            self._require_yes_to_loss(losing)
        elif not self.yes:
            self._require_yes()

    def require_word(self, word: str, question: str) -> None:
        """Return if the person types the word.

        Raises:
            NotApprovedError: if not, or nobody can be asked.
        """
        if self.ask is None:
            raise NotApprovedError(f"Nobody is here to be asked: run it at a terminal, or with CONFIRM={word}.")
        if self.ask(question).strip() != word:
            raise NotApprovedError("Not confirmed. Nothing was changed.")

    def _require_yes(self) -> None:
        if self.ask is None:
            raise NotApprovedError("Nobody is here to be asked. Nothing was changed; with YES=1 it is done unasked.")
        if self.ask("Apply these changes? [y/N] ").strip().lower() not in ("y", "yes"):
            raise NotApprovedError("Not applied. Nothing was changed.")

    def _require_yes_to_loss(self, losing: Sequence[str]) -> None:
        names = ", ".join(losing)
        if self.ask is None or self.yes:
            raise NotApprovedError(
                f"This takes from the platform what is in {names}. Nothing was changed; YES=DATA-LOSS agrees to it."
            )
        question = f"This takes from the platform what is in {names}. Type YES in capitals to do it: "
        if self.ask(question).strip() != "YES":
            raise NotApprovedError("Not applied. Nothing was changed.")
