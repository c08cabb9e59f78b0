"""Which release is published, and its 27 datasets."""

import hashlib
from pathlib import Path
from threading import Lock

from leadgen_project.sandbox.chance import dice
from leadgen_project.sandbox.data_gov_sg.files import Rows, read_rows
from leadgen_project.sandbox.data_gov_sg.settings import DataGovSgSettings
from leadgen_project.sandbox.register import LETTERS, file_name

COLLECTION = "2"


class Release:
    """The folder now published, and the names and ids of its datasets."""

    def __init__(self, folder: Path, settings: DataGovSgSettings) -> None:
        self.folder = folder
        self.settings = settings
        self._files_taken = 0
        self._rows: dict[Path, Rows] = {}
        self._lock = Lock()

    def replace(self, folder: Path, *, last_updated_at: str) -> None:
        with self._lock:
            self.folder = folder
            self.settings.last_updated_at = last_updated_at

    def letters(self) -> list[str]:
        """Return the letters offered, in no useful order, as the real list has them."""
        letters = [letter for letter in LETTERS if letter not in self.settings.missing_letters]
        dice("datasets", self.settings.order_seed).shuffle(letters)
        return letters

    def dataset_id(self, letter: str) -> str:
        """Return the id of a file's dataset: made up, the same in every run."""
        changed = "/new" if letter in self.settings.changed_id_letters else ""
        text = f"sandbox/{COLLECTION}/{letter}{changed}"
        return "d_" + hashlib.sha256(text.encode()).hexdigest()[:32]

    def find_letter(self, dataset: str) -> str | None:
        return next((letter for letter in LETTERS if self.dataset_id(letter) == dataset), None)

    def path(self, letter: str) -> Path:
        return self.folder / file_name(letter)

    def take_file(self, letter: str) -> Path:
        """Return the file to send now; in the middle of a run the next release may appear."""
        s = self.settings
        with self._lock:
            if s.next_folder is not None and self._files_taken >= s.swap_after_files:
                self.folder, s.next_folder = s.next_folder, None
                s.last_updated_at = s.next_last_updated_at
            self._files_taken += 1
            return self.path(letter)

    def rows(self, letter: str) -> Rows:
        """Return a dataset's rows, read once and kept."""
        path = self.path(letter)
        if path not in self._rows:
            self._rows[path] = read_rows(path)
        return self._rows[path]
