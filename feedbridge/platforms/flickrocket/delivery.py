"""Delivery into an outbox: batch-upload folders that a person drops on FlickRocket's uploader. Nothing leaves the machine.

A new product is the folder ``convert`` writes. A changed one is an update folder: the id, the members that changed as
whole arrays, and the files that changed. A folder appears whole or not at all, and none that is there is touched,
since somebody may be uploading it: a second folder of a product is called ``<folder>--2``.

Beside a target that updates over REST (api_delivery.py) only new products and content come by folder. Where a shop is
known, its price models and licences are looked at before a folder that names some is written (bindings.py).

Source: docs/platforms/flickrocket.md, sections 1, 2 and 7 (K3, K6 to K8, K10, K12, K15; choices A4, A6).
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from feedbridge.errors import CommandError, FeedbridgeError, OutputError
from feedbridge.findings import cut
from feedbridge.platforms.base import FileUse, Outcome
from feedbridge.platforms.delivery import Action, Answer, DeliverySettings, Item, Parcel, Rate, Reach, Verdict, Way
from feedbridge.platforms.flickrocket.folders import folder_name, name_key
from feedbridge.platforms.flickrocket.known import (
    LISTS,
    MEMBERS,
    NEW_ONLY,
    PRICE_MEMBERS,
    WORDS,
    Known,
    changed_members,
    document_of,
    known_of,
    no_id,
    other_type,
    rest_members,
)
from feedbridge.platforms.flickrocket.outbox import Standing, standing
from feedbridge.platforms.flickrocket.product_folders import PARTIAL
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.platforms.flickrocket.writer import EMAIL, PASSWORD, WARNING, FlickRocketWriter

if TYPE_CHECKING:
    from feedbridge.platforms.flickrocket.bindings import Bindings

__all__ = ["FlickRocketDelivery", "FlickRocketDeliverySettings"]

PRODUCT_FILE = "product.json"
BUSY_SECONDS = 5.0
WHOLE_FOLDERS = ("tracks", "VIDEO_TS")
"""Folders whose files belong together: an album's tracks, a DVD."""
SLOTS = ("main", "flux_dvd", "preview")
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_NUMBER = re.compile(r"--([1-9][0-9]{0,5})", re.ASCII)
_OF_THE_ITEM = frozenset({
    errno.ENOENT, errno.ENAMETOOLONG, errno.EISDIR, errno.EILSEQ, errno.EINVAL, errno.EFBIG, errno.ENOTEMPTY,
    errno.EEXIST,
})
"""Errors that say something of one folder; any other says that the outbox takes none."""


class _By(BaseModel):
    """Mixed in, so that ``by`` is known before the members that depend on it are looked at."""

    by: Literal["folder", "api"] = "folder"
    """``folder``: product folders in an outbox; ``api``: updates over REST (the target ``flickrocket-api``)."""


class FlickRocketDeliverySettings(DeliverySettings, _By):
    """A FlickRocket target.

    Folders are written on this machine, so no call is made and none is counted. Over REST, the hosts and the tokens
    are those of ``feedbridge flickrocket login``.
    """

    keys = (EMAIL, PASSWORD)
    id_pattern = r"[1-9][0-9]{0,14}"

    outbox: Path | None = Field(default=None, validate_default=True)
    """Folder the product folders are put into, for a person to upload; it is made when the folder around it is there."""
    shop: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    """Which shop's tokens, as login named it. By folder: the shop whose price models and licences are looked at before a
    folder is written; left out, that of a flickrocket-api target beside it, and without one they are not."""
    currencies: tuple[Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")], ...] = ()
    """Currencies that every price has to have before it is sent; empty: those that most of the shop's prices have, and EUR
    or USD."""
    create: bool = False
    """Over REST: make records of new products; their content file still has to be uploaded."""
    omitted: Literal["keep", "delete"] = "keep"
    """Over REST: what becomes of products that are gone: left for a person, or deleted."""

    def needed_keys(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        return self.keys if settings.get("with_credentials") and self.by == "folder" else ()

    @field_validator("outbox", mode="before")
    @classmethod
    def _named(cls, outbox: Any, info: ValidationInfo) -> Any:
        if info.data.get("by") == "api":
            if outbox is not None:
                raise ValueError("REST needs no outbox: content goes by a flickrocket target of its own, beside this one")
            return outbox
        if outbox is None:
            raise PydanticCustomError("missing", "Field required")
        if isinstance(outbox, str) and not outbox.strip():
            raise ValueError("name the folder that product folders are put into")
        return outbox

    @field_validator("endpoint", "sandbox", "rate")
    @classmethod
    def _unused(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("by") != "api":
            raise ValueError("FlickRocket folders are written into the outbox and no call is made: leave this out")
        if value and info.field_name != "rate":
            raise ValueError(
                "where the API is, is said by FEEDBRIDGE_FLICKROCKET_HOSTS, for the login and for this: leave this out")
        return value

    @field_validator("create", "omitted")
    @classmethod
    def _of_rest(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("by") == "folder":
            raise ValueError("is for a flickrocket-api target: a folder makes its product whole, and deletes nothing")
        return value


class _Stopped(Exception):
    """The outbox takes no folder at all: (message, mend, whether another process holds it)."""

    def __init__(self, message: str, mend: str, *, busy: bool = False) -> None:
        self.message = message
        self.mend = mend
        self.busy = busy
        super().__init__(message)


class _Update(msgspec.Struct):
    """What an update folder holds. ``kept``: what FlickRocket keeps though the feed has it no more; ``elsewhere``: what goes
    over REST."""

    document: dict[str, Any]
    files: tuple[FileUse, ...]
    says: bool
    kept: list[str]
    elsewhere: list[str]


class FlickRocketDelivery:
    """Folders for one outbox. Raises CommandError when the outbox is no folder, or credentials are missing."""

    upserts = False
    deletes: Literal["delete", "disable", "by hand"] = "by hand"

    def __init__(
        self, delivery: FlickRocketDeliverySettings, settings: FlickRocketSettings, environment: Mapping[str, str]
    ) -> None:
        self._outbox = Path(os.path.realpath(delivery.outbox or ""))
        if os.path.exists(self._outbox) and not os.path.isdir(self._outbox):
            raise CommandError(
                f'the outbox "{self._outbox}" is a file', where="flickrocket.outbox", code="flickrocket.outbox",
                mend="name a folder",
            )
        self._settings = settings
        self._writer = FlickRocketWriter(settings, self._outbox, environment)
        self._warning = WARNING if settings.with_credentials else ""
        self.place = f"folder {self._outbox}"
        self.account = hashlib.sha256(os.fsencode(self.place)).hexdigest()
        self.rate = Rate()
        self.lists = dict(LISTS)
        self._ids: Mapping[str, str] = {}
        self._over_rest = ""
        """Name of the target that updates over REST."""
        self._delivery = delivery
        self._environment = {name: value for name, value in environment.items() if name not in (EMAIL, PASSWORD)}
        self._bindings: Bindings | None = None
        if "shop" in delivery.model_fields_set:
            self._look_in(delivery.shop)

    def beside(self, others: Mapping[str, DeliverySettings], ids: Mapping[str, str]) -> None:
        """Told of the job's other FlickRocket targets by name, and of the ids these know by the same keys. What one of
        them updates over REST does not come by folder again."""
        for name, one in others.items():
            if isinstance(one, FlickRocketDeliverySettings) and one.by == "api":
                self._over_rest = name
                if self._bindings is None:
                    self._look_in(one.shop)
                break
        self._ids = ids

    def _look_in(self, shop: str) -> None:
        from feedbridge.platforms.flickrocket.bindings import Bindings

        self._bindings = Bindings(shop, self._delivery, self._environment, self._delivery.currencies)

    def items(self, outcome: Outcome, sku: str) -> list[Item]:
        """The product's one folder; its key is the SKU."""
        return [Item(sku, outcome.body, outcome.files)] if outcome.body else []

    def codes(self, body: bytes) -> frozenset[str]:
        """The FlickRocket id a body names: ``id 142995``."""
        identity = document_of(body)["product"].get("id")
        return frozenset() if identity is None else frozenset({f"id {identity}"})

    def change(self, parcel: Parcel) -> Way:
        """An update of what changed; refused without the product's id, or when its type changed (K8)."""
        known = known_of(parcel, self._ids)
        if not known.moved:
            refusal = other_type(known)
            if refusal is not None:
                return refusal
            update = self._update(parcel, known)
            kept = _kept(update)
            if not update.says:
                return Way("same", *kept)
        if known.id is None:
            return no_id(known)
        if known.moved:
            return Way(
                "update", f"the feed now names another FlickRocket product, {known.id}: all of it is written there",
                "check the id in the feed; the product it named before stays as it is", "flickrocket.id-changed",
            )
        note = _over_rest(update.elsewhere, self._over_rest) if update.elsewhere else ""
        return Way("update", *kept, note=note)

    def part(self, parcel: Parcel) -> Parcel:
        """Beside a target that updates over REST, without the members that go there."""
        if not self._over_rest:
            return parcel
        by_rest = rest_members(document_of(parcel.body))

        def own(body: bytes) -> bytes:
            document = document_of(body)
            product = {name: value for name, value in document["product"].items() if name not in by_rest}
            return msgspec.json.encode({**document, "product": product})

        return msgspec.structs.replace(parcel, body=own(parcel.body), before=own(parcel.before) if parcel.before else b"")

    def ready(self, parcel: Parcel) -> Way:
        """Refused when the shop, where it is known, has not the licences and prices of the folder."""
        return Way("update") if self._bindings is None else self._bindings.ready(self._sold(parcel))

    def _sold(self, parcel: Parcel) -> dict[str, Any]:
        """The bindings that a folder names, and the price beside them."""
        document = self._update(parcel, known_of(parcel, self._ids)).document
        product = document["product"]
        return {**product, "price": product.get("price") or document.get("price")}

    def batches(self, action: Action, parcels: Iterable[Parcel]) -> Iterator[list[Parcel]]:
        """One folder a call, so that what is noted of it is noted at once."""
        for parcel in parcels:
            yield [parcel]

    def send(self, action: Action, parcels: Sequence[Parcel]) -> Answer:
        """Write the folders. ``stop`` when the outbox takes none, ``wait`` while another process writes into it."""
        if action == "delete":
            refused = Verdict("failed", "FlickRocket's batch upload deletes nothing: delete the product by hand")
            return Answer(Reach.ANSWERED, {parcel.key: refused for parcel in parcels})
        try:
            items = self._lacking(parcels)
        except FeedbridgeError as exc:
            from feedbridge.platforms.flickrocket.bindings import not_checked

            return not_checked(exc)
        try:
            with self._held() as names:
                for parcel in parcels:
                    if parcel.key not in items:
                        items[parcel.key] = self._put(action, parcel, names)
        except _Stopped as exc:
            if not items:
                reach = Reach.WAIT if exc.busy else Reach.STOP
                wait_seconds = BUSY_SECONDS if exc.busy else None
                return Answer(reach, message=exc.message, mend=exc.mend, wait_seconds=wait_seconds)
            for parcel in parcels:
                items.setdefault(parcel.key, Verdict("failed", exc.message))
            return Answer(Reach.ANSWERED, items, exc.message, exc.mend)
        notes, self._warning = ((self._warning,) if self._warning else ()), ""
        return Answer(Reach.ANSWERED, items, notes=notes)

    def _lacking(self, parcels: Sequence[Parcel]) -> dict[str, Verdict]:
        """Those whose licences and prices could not be looked at before, and are not there. Raises FeedbridgeError."""
        if self._bindings is None:
            return {}
        told = {one.key: self._bindings.fault(self._sold(one)) for one in parcels if one.unchecked}
        return {key: Verdict("failed", fault) for key, fault in told.items() if fault}

    def waiting(self, key: str) -> str:
        """The newest folder of an item that is still in the outbox; empty when there is none."""
        try:
            names = {name_key(name): name for name in os.listdir(self._outbox) if not name.endswith(PARTIAL)}
        except OSError:
            return ""
        last, _ = _last(names, folder_name(key))
        return str(self._outbox / last) if last else ""

    def standing(self, ids: Mapping[str, str]) -> Standing:
        """What of the outbox is left to a person. ``ids``: of every item that was sent. Raises OSError."""
        return standing(self._outbox, ids)

    def close(self) -> None:
        """Remove fetched files that are in the outbox now."""
        self._writer.finish()

    @contextlib.contextmanager
    def _held(self) -> Iterator[dict[str, str]]:
        """The outbox, for this process alone: what is in it, name by ``name_key``. Sweeps what a killed run left."""
        try:
            if not os.path.isdir(self._outbox):
                self._outbox.mkdir()
            handle = os.open(self._outbox, os.O_RDONLY)
        except OSError as exc:
            raise self._stopped(exc) from exc
        try:
            alone = _locked(handle)
            names: dict[str, str] = {}
            for name in os.listdir(self._outbox):
                if name.startswith(".") and name.endswith(PARTIAL):
                    if alone:
                        shutil.rmtree(self._outbox / name, ignore_errors=True)
                else:
                    names[name_key(name)] = name
            yield names
        except OSError as exc:
            raise self._stopped(exc) from exc
        finally:
            os.close(handle)

    def _put(self, action: Action, parcel: Parcel, names: dict[str, str]) -> Verdict:
        """One folder, and its name among ``names``."""
        known = known_of(parcel, self._ids)
        if action == "create":
            known.before = None
        update = self._update(parcel, known)
        if known.fault or (known.id is None and action == "update"):
            if known.before is not None and not update.says:
                return Verdict("taken", "nothing to write: nothing of it changed, and its id is not known")
            return Verdict("failed", no_id(known).message)
        if known.before is not None and not update.says:  # sent again on demand, or after a doubtful try
            known.before = None
            update = self._update(parcel, known)
        body, files = parcel.body, parcel.files
        if known.id is not None and (action == "update" or "id" not in known.after["product"]):
            body, files = msgspec.json.encode(update.document), update.files
        told = "" if known.id is None else str(known.id)

        name = folder_name(parcel.key)
        last, number = _last(names, name)
        if last and _holds(self._outbox / last, body, files):
            return Verdict("taken", f"the outbox holds it already, as {last}", told)
        for use in files:
            if not os.path.isfile(use.source):
                return Verdict("failed", f'the file for {use.target} is not there any more: "{cut(use.source)}"', told)
            if not os.access(use.source, os.R_OK):
                return Verdict("failed", f'no permission to read the file for {use.target}: "{cut(use.source)}"', told)
        if last:
            name = f"{name}--{number + 1}"
        try:
            self._write(name, body, files)
        except OutputError as exc:
            if not isinstance(exc.__cause__, OSError):
                return Verdict("failed", exc.message, told)
            return self._failed(exc.__cause__, told)
        except OSError as exc:
            return self._failed(exc, told)
        names[name_key(name)] = name
        return Verdict("taken", _second(action, known, last, name) if last else "", told)

    def _write(self, name: str, body: bytes, files: tuple[FileUse, ...]) -> None:
        """Write a folder beside, bring it to the disk, and give it its name. Raises OutputError and OSError."""
        partial = self._outbox / f".{name}{PARTIAL}"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            self._writer.add(Outcome(body=body, files=files, folder=partial.name))
            for path, _, inside in os.walk(partial, topdown=False):
                for one in inside:
                    _to_disk(os.path.join(path, one))
                _to_disk(path)
            partial.rename(self._outbox / name)
            _to_disk(self._outbox)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _failed(self, exc: OSError, told: str) -> Verdict:
        if exc.errno in _OF_THE_ITEM and os.path.isdir(self._outbox):
            return Verdict("failed", f"its folder cannot be written: {exc.strerror or exc}", told)
        raise self._stopped(exc) from exc

    def _stopped(self, exc: OSError) -> _Stopped:
        if isinstance(exc, BlockingIOError):
            return _Stopped(
                f"another process is writing into {self._outbox}", "let it finish, or give each job its own outbox",
                busy=True,
            )
        what = "written" if os.path.isdir(self._outbox) else "made"
        return _Stopped(
            f"the outbox {self._outbox} cannot be {what}: {exc.strerror or exc}",
            _MENDS.get(exc.errno or 0, "look at the disk and the path") + "; nothing half-written was left",
        )

    def _update(self, parcel: Parcel, known: Known) -> _Update:
        """The update that brings what was taken last to what the feed says; of all members when nothing was."""
        after, before = known.after, known.before
        was = before if before is not None and not known.moved else {}
        files, written, slots = _changed_files(after["files"], was.get("files", {}), parcel.changed)
        part = changed_members(self._settings, after["product"], was.get("product"))
        by_rest = rest_members(after) if self._over_rest and was else frozenset()
        elsewhere = [name for name in part if name in by_rest]
        part = {name: value for name, value in part.items() if name not in by_rest}
        top_price = after.get("price")
        if top_price is not None and (top_price != was.get("price") or any(name in part for name in PRICE_MEMBERS)):
            part |= {name: after["product"][name] for name in PRICE_MEMBERS if name in after["product"]}
        else:
            top_price = None
        audio_type = after["options"].get("flux_package_audio_type")
        new_audio_type = audio_type is not None and audio_type != was.get("options", {}).get("flux_package_audio_type")
        if slots["main"] == "none" and not new_audio_type:
            audio_type = None

        options = {**after["options"], "files": slots}
        options.pop("flux_package_audio_type", None)
        if audio_type is not None:
            options["flux_package_audio_type"] = audio_type
        product = {"id": known.id, **{name: part[name] for name in MEMBERS if name in part}}
        document = {"user": after["user"], "files": files, "options": options, "product": product}
        if top_price is not None:
            document["price"] = top_price
        return _Update(
            document, tuple(use for use in parcel.files if any(_belongs(use.target, path) for path in written)),
            bool(written or part or top_price is not None or new_audio_type), _gone(after, was, by_rest), elsewhere,
        )


_MENDS = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room: the quota on this disk is used up",
    errno.EROFS: "name an outbox on a disk that can be written",
    errno.EACCES: "give permission to write there, or name another outbox",
    errno.EPERM: "give permission to write there, or name another outbox",
    errno.ENOENT: "make the folder around it, mount its disk, or mend outbox in the job file",
    errno.ENOTDIR: "mend outbox in the job file: a part of it is a file",
}


def _over_rest(members: Iterable[str], target: str) -> str:
    """The note that a target updates these members over REST."""
    words = dict.fromkeys(WORDS.get(name, name) for name in members)
    return f"the {' and the '.join(words)}: over REST (target {target})"


def _belongs(target: str, path: str) -> bool:
    """Whether a file of the folder is what a path of product.json names, or a part of it."""
    root = path.partition("/")[0]
    return target == path or (root in WHOLE_FOLDERS and target.startswith(f"{root}/"))


def _changed_files(
    files: dict[str, Any], was: dict[str, Any], changed: frozenset[str]
) -> tuple[dict[str, Any], list[str], dict[str, str]]:
    """``files`` of an update, the paths it names, and what becomes of each slot (K10)."""

    def differs(paths: list[str]) -> bool:
        return any(_belongs(target, path) for target in changed for path in paths)

    part: dict[str, Any] = {}
    written: list[str] = []
    slots = {}
    for slot in SLOTS:
        path = files.get(slot, "")
        replaced = bool(path) and (path != was.get(slot) or differs([path]))
        slots[slot] = "replace" if replaced else "none"
        if replaced:
            part[slot] = path
            written.append(path)
        elif slot != "main":  # the documented update names these two when they are empty
            part[slot] = ""
    for name in ("pictures", "product_picture"):
        whole = files.get(name)
        if whole is None:
            continue
        paths = whole if name == "pictures" else [cover["picture"] for cover in whole]
        if whole != was.get(name) or differs(paths):
            part[name] = whole
            written += paths
    return part, written, slots


def _gone(after: dict[str, Any], was: dict[str, Any], by_rest: frozenset[str]) -> list[str]:
    """Words for what the platform was given and the feed has no more; the target beside tells of what goes ``by_rest``."""
    if not was:
        return []
    product, earlier = after["product"], was["product"]
    silent = NEW_ONLY if "id" in product and "id" not in earlier else ()  # the feed names the id now: no defaults then
    gone = [
        name for name in MEMBERS
        if name in earlier and name not in product and name not in silent and name in WORDS and name not in by_rest
    ]
    gone += [name for name, value in was["files"].items() if value and not after["files"].get(name)]
    return [WORDS[name] for name in gone]


def _kept(update: _Update) -> tuple[str, str, str]:
    """Message, mend and code of what an update cannot take away (A6)."""
    if not update.kept:
        return "", "", ""
    return (
        f"FlickRocket keeps the {' and the '.join(update.kept)} it has: an update cannot take anything away",
        "take it away in FlickRocket's admin interface", "flickrocket.A6",
    )


def _last(names: dict[str, str], name: str) -> tuple[str, int]:
    """The newest folder of a product that is in the outbox, and its number; empty and 0 when there is none."""
    key = name_key(name)
    last, most = "", 0
    if key in names:
        last, most = names[key], 1
    for other, there in names.items():
        if other.startswith(key) and (match := _NUMBER.fullmatch(other, len(key))) and int(match[1]) > most:
            last, most = there, int(match[1])
    return last, most


def _holds(folder: Path, body: bytes, files: tuple[FileUse, ...]) -> bool:
    """Whether a folder is what would be written, whatever login it holds."""
    try:
        there = document_of((folder / PRODUCT_FILE).read_bytes())
        if {**there, "user": None} != {**document_of(body), "user": None}:
            return False
        inside = {
            Path(path, one).relative_to(folder).as_posix()
            for path, _, names in os.walk(folder) for one in names if one.casefold() not in _LITTER
        }
        if inside != {PRODUCT_FILE, *(use.target for use in files)}:
            return False
        return all(filecmp.cmp(use.source, folder / use.target, shallow=False) for use in files)
    except (OSError, TypeError, RecursionError, msgspec.MsgspecError):  # a person's own, or not readable
        return False


def _second(action: Action, known: Known, last: str, name: str) -> str:
    if action == "create" and known.id is None:
        return (
            f"written as {name}, for {last} is in the outbox already: delete {last} if it was not uploaded, "
            "else the product is made twice"
        )
    return f"written as {name}, for {last} is in the outbox already: upload them in this order"


def _locked(handle: int) -> bool:
    """Hold a folder until its handle is closed; False where folders cannot be held. Raises BlockingIOError."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _to_disk(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
