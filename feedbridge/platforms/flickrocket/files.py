"""Gathering the files of one product: found or fetched, looked into, and given their place in its folder.

Shape of a folder: product.json at the top, ``files/`` (main, preview, fluxDVD), ``tracks/`` (an album),
``VIDEO_TS/`` (a DVD), ``pictures/``.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from feedbridge.platforms.base import FileUse
from feedbridge.platforms.flickrocket import rules
from feedbridge.platforms.flickrocket.content import Inspection, has_manifest, inspect_content, inspect_picture
from feedbridge.platforms.flickrocket.documented import unclear_type
from feedbridge.platforms.flickrocket.download import DownloadError, Downloads
from feedbridge.platforms.flickrocket.folders import FoundPath, Names, PathError, SourceFolder, name_key, safe_name
from feedbridge.platforms.flickrocket.licences import LANGUAGES, flickrocket_id, language_of
from feedbridge.platforms.flickrocket.media import AUDIO, IMAGES, MEDIA, TYPES, extension, is_url, main_files
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.rules import Found, Problem, Rule

__all__ = ["Gathering", "Track", "in_playing_order", "numbered"]

_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_DVD = (".ifo", ".bup", ".vob")
_NUMBERS = re.compile(r"(\d+)")


class Track(NamedTuple):
    """One file of an album: where it lies, what it is called, the field it comes from."""

    path: str
    name: str
    field: str


def in_playing_order(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which a person orders numbered names: ``2 b`` before ``10 a``."""
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in _NUMBERS.split(name_key(name))
        if part
    ]


def numbered(names: list[str]) -> list[str]:
    """Names that sort alphanumerically in the order given; unchanged when they do so already.

    >>> numbered(["01 a.mp3", "02 b.mp3"]), numbered(["b.mp3", "a.mp3"])
    (['01 a.mp3', '02 b.mp3'], ['01 b.mp3', '02 a.mp3'])
    """
    keys = [name_key(name) for name in names]
    if sorted(names) == names and sorted(set(keys)) == keys:
        return names
    width = max(2, len(str(len(names))))
    return [safe_name(f"{place:0{width}} {name}") for place, name in enumerate(names, 1)]


class Gathering:
    """The files of one product. After ``gather``: the slots, the copies to make, and what was found."""

    def __init__(
        self,
        product: Any,
        source: SourceFolder | None,
        downloads: Downloads,
        settings: FlickRocketSettings,
        *,
        held_back: bool,
    ) -> None:
        self._product = product
        self._source = source
        self._downloads = downloads
        self._settings = settings
        self._held_back = held_back
        self._names = Names()
        self._targets: dict[tuple[str, str], str] = {}
        self.medium: str | None = product.digital.medium if product.digital is not None else None
        self.main = ""
        self.flux_dvd = ""
        self.preview = ""
        self.pictures: list[str] = []
        self.covers: dict[str, str] = {}
        self.uses: list[FileUse] = []
        self.found: list[Found] = []

    def gather(self, default_language: str) -> None:
        """Find, check and place everything. Never raises for a file."""
        mains = main_files(self._product)
        if len(mains) == 1:
            self._gather_main(f"content.{mains[0][0]}.src", mains[0][1].src)
        elif mains:
            self._gather_several(mains)
        for index, file in enumerate(self._product.content):
            field = f"content.{index}.src"
            if file.role == "preview" and not self.preview:
                self.preview = self._gather_preview(field, file.src)
            elif file.role == "extra" and not self.flux_dvd:
                self.flux_dvd = self._gather_flux_dvd(field, file.src)
        self._gather_pictures(default_language)

    def _note(self, rule: Rule, field: str, message: str, value: str = "", mend: str = "") -> None:
        self.found.append(Found(rule, Problem(field, message, value, mend)))
        if rule.severity == "error":
            self._held_back = True

    def _locate(self, field: str, src: str) -> FoundPath | None:
        """The file a source names, on disk; None when there is none, which is noted."""
        try:
            if is_url(src):
                return self._fetched(field, src)
            if self._source is None:
                self._note(
                    rules.K2,
                    field,
                    "a relative path, but the source is in no folder",
                    src,
                    "read the feed from a file beside its content",
                )
                return None
            return self._source.find(src)
        except PathError as exc:
            self._note(rules.K2, field, exc.message, src, exc.mend)
        except DownloadError as exc:
            self._note(rules.S8, field, exc.message, src, exc.mend)
        return None

    def _fetched(self, field: str, src: str) -> FoundPath | None:
        scheme = src.partition("://")[0].lower()
        if scheme not in ("http", "https"):
            self._note(
                rules.K2, field, f'"{scheme}" addresses cannot be fetched', src, "give an http(s) address or a path"
            )
        elif not self._settings.download:
            self._note(rules.S8, field, "the file is at an http(s) address, and downloading is off", src)
        elif not self._held_back:  # a product that is held back anyway is not worth a download
            fetched = self._downloads.fetch(src)
            return FoundPath(fetched.path, fetched.name, False)
        return None

    def _locate_file(self, field: str, src: str) -> FoundPath | None:
        located = self._locate(field, src)
        if located is not None and located.is_folder:
            self._note(rules.K2, field, "the path names a folder, not a file", src, "give the path of a file")
            return None
        return located

    def _inspected(self, field: str, src: str, located: FoundPath, medium: str) -> None:
        try:
            if medium == "picture":
                inspection = inspect_picture(located.path, located.name)
            else:
                inspection = inspect_content(located.path, located.name, medium)
        except OSError as exc:
            self._note(rules.K2, field, f"the file cannot be read: {exc.strerror}", src)
            return
        self._inspection(rules.A7 if medium == "picture" else rules.K5, field, src, inspection)

    def _inspection(self, rule: Rule, field: str, src: str, inspection: Inspection) -> None:
        if inspection.fault:
            self._note(rule, field, inspection.fault, src)
        for notice in inspection.notices:
            self._note(rules.S5, field, notice, src)

    def _place(self, folder: str, located: FoundPath) -> str:
        """The file's path in the product's folder; a file used twice is placed once."""
        target = self._targets.get((folder, located.path))
        if target is None:
            target = self._names.take(folder, located.name)
            self._targets[folder, located.path] = target
            self.uses.append(FileUse(located.path, target))
        return target

    def _gather_main(self, field: str, src: str) -> None:
        located = self._locate(field, src)
        if located is None:
            return
        if located.is_folder:
            self._gather_folder(field, src, located)
            return
        ending = extension(located.name)
        if self.medium is None:
            self.medium = self._medium_of(field, src, located, ending)
        if self.medium is None:
            self.main = self._place("files", located)  # an update may leave the type open
            return
        wanted = TYPES[self.medium].extensions
        if wanted and ending not in wanted:
            if extension(src) in ("", *wanted):  # else the rule has said so by the path alone
                self._note(rules.K5, field, f"{TYPES[self.medium].title} takes {' or '.join(wanted)}", src)
            return
        if self.medium == "video-sd" and ending == ".ifo":
            self._gather_dvd(field, src, located)
            return
        self._inspected(field, src, located, self.medium)
        if self.medium == "audio-album":
            self._place_tracks([Track(located.path, located.name, field)])
            return
        self.main = self._place("files", located)

    def _medium_of(self, field: str, src: str, located: FoundPath, ending: str) -> str | None:
        """What a file is by its extension; None when that does not say."""
        medium = MEDIA.get(ending)
        creating = not flickrocket_id(self._product)
        if medium is None and creating and (not extension(src) or extension(src) in MEDIA):
            self.found.append(Found(rules.K6, unclear_type(src, ending)))
        if medium == "file" and creating and has_manifest(located.path):
            self._note(
                rules.K6,
                "digital.medium",
                "the zip archive is a SCORM package: is it to be sold as one?",
                src,
                "map digital.medium: scorm or file",
            )
            return None
        return medium

    def _gather_several(self, mains: list[tuple[int, Any]]) -> None:
        if self.medium is None and all(extension(file.src) in AUDIO for _, file in mains):
            self.medium = "audio-album"
        if self.medium not in ("audio-album", "audio-package"):
            return  # rule S3 has said so
        tracks = []
        for index, file in mains:
            field = f"content.{index}.src"
            located = self._locate_file(field, file.src)
            if located is None:
                continue
            if extension(located.name) not in AUDIO:
                if extension(file.src) in ("", *AUDIO):
                    self._note(rules.K5, field, f"{TYPES[self.medium].title} takes .mp3 or .flac", file.src)
                continue
            self._inspected(field, file.src, located, self.medium)
            tracks.append(Track(located.path, located.name, field))
        self._place_tracks(tracks)

    def _gather_folder(self, field: str, src: str, located: FoundPath) -> None:
        try:
            names = self._source.files(located.path) if self._source is not None else []
        except PathError as exc:
            self._note(rules.K2, field, exc.message, src, exc.mend)
            return
        if self.medium in (None, "video-sd"):
            for inner in (src.rstrip("/"), f"{src.rstrip('/')}/VIDEO_TS"):
                if self._has_dvd(inner):
                    self._gather_dvd_at(field, inner)
                    return
        audio = any(extension(name) in AUDIO for name in names)
        if self.medium is None and audio:
            self.medium = "audio-album"
        if self.medium not in ("audio-album", "audio-package") or not audio:
            album = self.medium in (None, "audio-album", "audio-package")
            self._note(
                rules.K5,
                field,
                "the folder holds no tracks (.mp3 or .flac)"
                if album
                else f"{TYPES[self.medium or 'file'].title} takes a file, and this is a folder",
                src,
            )
            return
        self._gather_album(field, src, names)

    def _gather_album(self, field: str, src: str, names: list[str]) -> None:
        """All tracks of a folder, in the order a person would number them."""
        endings = (".mp3",) if self.medium == "audio-package" else AUDIO
        tracks = []
        for name in sorted(names, key=in_playing_order):
            if name.casefold() in _LITTER or name.startswith("._"):
                continue
            path = f"{src.rstrip('/')}/{name}"
            if extension(name) not in endings:
                if self._is_folder(path):
                    self._note(
                        rules.K20,
                        field,
                        f'the folder holds another folder, "{name}": the playing order is unclear',
                        src,
                    )
                else:
                    self._note(rules.S4, field, f'"{name}" is no track: left out', path)
                continue
            located = self._locate_file(field, path)
            if located is not None:
                self._inspected(field, path, located, self.medium or "audio-album")
                tracks.append(Track(located.path, located.name, field))
        if not tracks:
            self._note(rules.K5, field, f"the folder holds no tracks ({' or '.join(endings)})", src)
            return
        self._place_tracks(tracks)

    def _is_folder(self, path: str) -> bool:
        try:
            return self._source is not None and self._source.find(path).is_folder
        except PathError:
            return False

    def _place_tracks(self, tracks: list[Track]) -> None:
        """Put the tracks into their folder under names that sort into playing order."""
        names = numbered([safe_name(track.name) for track in tracks])
        renamed = sum(safe_name(track.name) != name for track, name in zip(tracks, names, strict=True))
        for track, name in zip(tracks, names, strict=True):
            self.uses.append(FileUse(track.path, self._names.take("tracks", name)))
        self.main = "tracks"
        field = tracks[0].field if tracks else "content"
        if renamed:
            self._note(
                rules.S5,
                field,
                f"numbers are put in front of {renamed} track names so that they sort into playing order",
            )
        self._note(rules.A2, field, "files.main names the folder of the tracks, which is not documented")

    def _has_dvd(self, folder: str) -> bool:
        try:
            return self._source is not None and not self._source.find(f"{folder}/VIDEO_TS.IFO").is_folder
        except PathError:
            return False

    def _gather_dvd(self, field: str, src: str, located: FoundPath) -> None:
        if is_url(src):
            self._note(rules.K5, field, "a Video-DVD is a whole folder and cannot be fetched", src, "give it as a path")
            return
        self._gather_dvd_at(field, src.rpartition("/")[0] or ".", located.name)

    def _gather_dvd_at(self, field: str, folder: str, main: str = "VIDEO_TS.IFO") -> None:
        """A DVD's whole folder; names stay, for the files name each other."""
        self.medium = "video-sd"
        try:
            assert self._source is not None  # a path was found in it
            base = self._source.find(folder).path if folder.strip("./") else self._source.root
            names = self._source.files(base)
        except PathError as exc:
            self._note(rules.K2, field, exc.message, folder, exc.mend)
            return
        for name in names:
            path = f"{folder}/{name}"
            if extension(name) not in _DVD:
                if name.casefold() not in _LITTER:
                    self._note(rules.S4, field, f'"{name}" is no DVD file: left out', path)
                continue
            if safe_name(name) != name:
                self._note(rules.K2, field, f'"{name}" is no name of a DVD file', path)
                continue
            located = self._locate_file(field, path)
            if located is None:
                continue
            if extension(name) == ".ifo":
                self._inspected(field, path, located, "video-sd")
            self.uses.append(FileUse(located.path, self._names.take("VIDEO_TS", name)))
        self.main = f"VIDEO_TS/{main}"
        self._note(rules.A2, field, "files.main names the DVD's IFO file, its folder lies beside it: not documented")

    def _gather_preview(self, field: str, src: str) -> str:
        located = self._locate_file(field, src)
        if located is None:
            return ""
        medium = MEDIA.get(extension(located.name))
        if medium is not None and medium != "video-sd":
            self._inspected(field, src, located, medium)
        else:
            self._note(rules.S5, field, "what a preview may be is not documented", src)
        return self._place("files", located)

    def _gather_flux_dvd(self, field: str, src: str) -> str:
        located = self._locate_file(field, src)
        if located is None:
            return ""
        self._note(
            rules.S5, field, "the extra file is written as the fluxDVD file; whether it is one cannot be checked", src
        )
        return self._place("files", located)

    def _gather_pictures(self, default_language: str) -> None:
        """The first picture of each language is its cover, all others are additional pictures."""
        images = self._product.images
        covers: dict[str, int] = {}
        for index, image in enumerate(images):
            if image.locale is not None:
                covers.setdefault(language_of(image.locale), index)
        if default_language not in covers:
            own = [index for index, image in enumerate(images) if image.locale is None]
            first = next((index for index in own if images[index].role == "main"), own[0] if own else None)
            if first is not None:
                covers[default_language] = first
        cover_of = {index: language for language, index in covers.items()}
        for index, image in enumerate(images):
            if image.locale is not None and language_of(image.locale) not in LANGUAGES:
                continue  # rule K9 has said so
            field = f"images.{index}.src"
            located = self._locate_file(field, image.src)
            if located is None:
                continue
            if extension(located.name) not in IMAGES:
                self._note(
                    rules.A7,
                    field,
                    f'"{extension(located.name) or located.name}" is no picture FlickRocket takes',
                    image.src,
                )
                continue
            self._inspected(field, image.src, located, "picture")
            target = self._place("pictures", located)
            language = cover_of.get(index)
            if language in LANGUAGES:
                self.covers[language] = target
            elif target not in self.pictures:
                self.pictures.append(target)
