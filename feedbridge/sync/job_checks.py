"""The checks of a job file: one reading of its tree, in which every mistake is noted."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from email.headerregistry import Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ValidationError

from feedbridge.mapping.nearest import nearest
from feedbridge.mapping.presets import presets
from feedbridge.mapping.yaml import KeyPath
from feedbridge.platforms import platform, platform_names
from feedbridge.platforms.delivery import is_loopback, usable_endpoint
from feedbridge.sync.absolute_paths import absolute_path
from feedbridge.sync.job_complaints import MISSING, Complaint, keys_at, place_of, shown, worded
from feedbridge.sync.job_targets import WAYS, delivery_model, platform_of, target_names, way_keys
from feedbridge.sync.jobspec import TODO, JobFileSpec

__all__ = ["Reading", "is_mail_address", "shared_feed"]

SECRET = re.compile(
    r"apikey|apisecret|secret|passw(or)?d|passphrase|token|credential|privatekey|consumerkey|^pwd$|authorization|bearer"
)


class Reading:
    """One reading of a job file's tree; collects what is wrong with it."""

    def __init__(self, plain: dict[str, Any], folder: Path) -> None:
        self.tree = plain
        self.folder = folder
        self.complaints: list[Complaint] = []

    def complain(self, path: KeyPath, message: str, mend: str = "", code: str = "job.shape") -> None:
        """Note a mistake; what was said of a key already says enough of all that is in it."""
        if not any(path[: len(told)] == told for told, *_ in self.complaints):
            self.complaints.append((path, message, mend, code))

    def checked(self) -> JobFileSpec | None:
        self._not_filled(self.tree, ())
        self._secrets(self.tree, ())
        prepared = dict(self.tree)
        jobs = self.tree.get("jobs")
        if isinstance(jobs, dict):
            prepared["jobs"] = {name: self._prepared(name, job) for name, job in jobs.items()}
            self._feeds(jobs)
        self._addresses()
        spec: JobFileSpec | None = None
        try:
            spec = JobFileSpec.model_validate(_without_nothing(prepared))
        except ValidationError as exc:
            self._told(exc, (), self.tree, JobFileSpec)
            if not self.complaints:
                self.complain((), f"is not right: {exc.errors()[0]['msg']}")
        return spec

    # -- what is not said, and what must not be said

    def _not_filled(self, node: Any, path: KeyPath) -> None:
        for step, value in _members(node):
            here = (*path, step)
            if isinstance(value, str) and value.strip() == TODO:
                self.complain(
                    here,
                    "is not filled in yet",
                    f"write the right value instead of {TODO}; the comment beside it says which",
                    "job.todo",
                )
            self._not_filled(value, here)

    def _secrets(self, node: Any, path: KeyPath) -> None:
        for step, value in _members(node):
            here = (*path, step)
            if isinstance(step, str) and not _names_something(here) and self._looks_secret(step, here):
                variable = self._variable(here)
                self.complain(
                    here,
                    "is a secret, and secrets come from the environment",
                    f"take it out of the file and set {variable}",
                    "job.secret",
                )
            else:
                self._secrets(value, here)
        if not path and isinstance(node, dict) and isinstance(node.get("state"), str) and _has_password(node["state"]):
            self.complain(
                ("state",),
                "holds a password, and secrets come from the environment",
                "take it out of the file and set FEEDBRIDGE_STATE_URL to the whole address",
                "job.secret",
            )

    def _looks_secret(self, name: str, path: KeyPath) -> bool:
        if not SECRET.search(re.sub(r"[^a-z]", "", name.lower())):
            return False
        target = self._target_platform(path)
        return not (target and name in platform(target).settings.model_fields)

    def _target_platform(self, path: KeyPath) -> str:
        """The platform of the target a key stands in; empty when it stands in none."""
        if len(path) < 4 or path[0] != "jobs" or path[2] != "targets":
            return ""
        given = self._at(path[:4])
        name = given.get("platform", path[3]) if isinstance(given, dict) else path[3]
        return platform_of(name) if isinstance(name, str) and name in target_names() else ""

    def _at(self, path: KeyPath) -> Any:
        node: Any = self.tree
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return node

    def _variable(self, path: KeyPath) -> str:
        """The variable a secret belongs in."""
        name = str(path[-1])
        owner = self._target_platform(path)
        if owner:
            word = f"FEEDBRIDGE_{owner}_{_upper(name)}".upper()
            known = delivery_model(owner).keys if owner in platform_names() else ()
            near = get_close_matches(word, known, 1, 0.0)
            return near[0] if near else word
        if "alerts" in path:
            return "FEEDBRIDGE_SMTP_PASSWORD" if "email" in path else "FEEDBRIDGE_ALERT_WEBHOOK"
        return f"FEEDBRIDGE_{_upper(name)}, or what docs/jobs.md names for it"

    # -- jobs and targets

    def _prepared(self, name: str, job: Any) -> Any:
        """A job as the model knows it: values of ``set`` as text, targets' keys sorted into theirs and the platform's."""
        if not isinstance(job, dict):
            return job
        base: KeyPath = ("jobs", name)
        made = dict(job)
        self._source(job.get("source"), (*base, "source"))
        self._mapping(job.get("mapping"), (*base, "mapping"))
        if isinstance(job.get("set"), dict):
            made["set"] = {key: self._text(value, (*base, "set", key)) for key, value in job["set"].items()}
        self._alerts(job.get("alerts"), (*base, "alerts"))
        targets = job.get("targets")
        if isinstance(targets, list) and targets and all(one in target_names() for one in targets):
            self.complain((*base, "targets"), "must be a block of names, not a list", f"write {targets[0]}: {{}}")
        if isinstance(targets, dict):
            made["targets"] = {
                key: self._target(str(key), target, (*base, "targets", key)) for key, target in targets.items()
            }
            self._places(targets, (*base, "targets"))
        return made

    def _source(self, source: Any, path: KeyPath) -> None:
        if source is None:
            return
        named = source if isinstance(source, list) else [source]
        for index, one in enumerate(named):
            here = (*path, index) if isinstance(source, list) else path
            if not isinstance(one, str) or not one.strip():
                self.complain(here, "must be a file, or a list of files", "write a path or a glob, as feeds/*.csv")
            elif one == "-":
                self.complain(here, "a job reads files, not standard input", "write the feed to a file first")
            elif "://" in one:
                self.complain(here, "addresses are not read", "fetch it before the job runs: curl -fsSo FILE ADDRESS")
        if source == []:
            self.complain(path, "names no file", "write a path or a glob, as feeds/*.csv")

    def _mapping(self, mapping: Any, path: KeyPath) -> None:
        if not isinstance(mapping, str) or mapping == "auto" or mapping in presets():
            return
        file = Path(absolute_path(mapping, self.folder))
        if file.suffix not in {".yaml", ".yml"} and not file.is_file():
            near = nearest(mapping, ("auto", *presets()))
            self.complain(
                path,
                f'there is no preset "{shown(mapping)}"',
                f'did you mean "{near}"?' if near else "feedbridge mapping list shows them; a file ends in .yaml",
                "job.mapping",
            )

    def _text(self, value: Any, path: KeyPath) -> Any:
        """A value of ``set`` as ``--set`` would give it."""
        owner, dot, setting = str(path[-1]).partition(".")
        if dot and owner in platform_names():
            self.complain(
                path,
                f"is a setting of {owner}",
                f"write {setting}: under the target's settings:",
                "job.setting",
            )
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            return value
        if isinstance(value, int):
            return str(value)
        if value is None:
            self.complain(path, "has no value", 'write one, or "" for an empty one', "job.todo")
        else:
            self.complain(path, "must be one value, not a block or a list", "write it as text")
        return ""

    def _alerts(self, alerts: Any, path: KeyPath) -> None:
        if not isinstance(alerts, dict):
            return
        webhook = alerts.get("webhook")
        if isinstance(webhook, str):
            try:
                usable_endpoint(webhook)
            except ValueError:  # its message may show the address, which is a secret
                self.complain(
                    (*path, "webhook"),
                    "must be an address that begins with https:// (http:// only for this machine itself), without a login",
                    "a secret address belongs in FEEDBRIDGE_ALERT_WEBHOOK",
                    "job.address",
                )
        email = alerts.get("email")
        if not isinstance(email, dict):
            return
        here = (*path, "email")
        to = email.get("to")
        if isinstance(to, str):
            self.complain((*here, "to"), "must be a list", f"write [{shown(to)}]")
            to = []
        addresses: list[tuple[KeyPath, Any]] = [((*here, "sender"), email.get("sender"))]
        addresses += [((*here, "to", index), one) for index, one in enumerate(to if isinstance(to, list) else ())]
        for place, address in addresses:
            if isinstance(address, str) and not is_mail_address(address):
                self.complain(place, f'"{shown(address)}" is no mail address', "write it as name@example.com")
        security, host = email.get("security", "none"), email.get("host", "localhost")
        if email.get("user") and security == "none" and not (isinstance(host, str) and is_loopback(host)):
            self.complain(
                (*here, "security") if "security" in email else (*here, "user"),
                "a login is never sent unencrypted to another machine",
                "write security: starttls (usual port 587) or security: tls (usual port 465)",
            )

    def _target(self, name: str, target: Any, path: KeyPath) -> Any:
        given = {} if target is None else target
        if not isinstance(given, dict):
            return target
        made: dict[str, Any] = {"platform": given.get("platform", name)}
        if given.get("settings") is not None:
            made["settings"] = given["settings"]
        delivery = {key: value for key, value in given.items() if key not in ("platform", "settings")}
        made["delivery"] = {key: value for key, value in delivery.items() if value is not None}
        named = made["platform"]
        if not isinstance(named, str) or named not in target_names():
            said = "platform" in given
            near = nearest(str(named), target_names())
            self.complain(
                (*path, "platform") if said else path,
                f'there is no platform "{shown(named)}"; there are {", ".join(target_names())}',
                (f'did you mean "{near}"?' if near else "") if said or near else "say platform: in this target",
                "job.platform",
            )
            return {**made, "platform": str(named)}
        for way, (owner, told) in WAYS.items():
            for key in told if named in (owner, way) else ():
                if made["delivery"].pop(key, None) is not None:
                    self.complain((*path, key), f"is not said here: the platform is {owner} or {way}", "leave it out")
        if named in WAYS:
            made["platform"] = WAYS[named][0]
            made["delivery"] |= WAYS[named][1]
        self._delivery(made["platform"], made["delivery"], given, path)
        if isinstance(given.get("settings"), dict):
            self._settings(made["platform"], given["settings"], (*path, "settings"))
        return made

    def _delivery(self, name: str, delivery: dict[str, Any], given: dict[str, Any], path: KeyPath) -> None:
        model = delivery_model(name)
        ways = [way for way, (one, told) in WAYS.items() if one == name and told.items() <= delivery.items()]
        own = ["platform", "settings", *way_keys(ways[0] if ways else name)]
        for key in delivery:
            if key in model.model_fields:
                continue
            if key in platform(name).settings.model_fields:
                self.complain(
                    (*path, key), f"is a setting of {name}", f"write {key}: under settings: of the target", "job.setting"
                )
                continue
            near = nearest(key, own)
            self.complain(
                (*path, key),
                f'there is no key "{shown(key)}" in a target of {name}',
                f'did you mean "{near}"?' if near else f"keys here are {', '.join(own)}",
                "job.key",
            )
        known = {key: value for key, value in delivery.items() if key in model.model_fields}
        if model.own_address and "endpoint" not in known and known.get("sandbox", False) in (False, "false", "no", "off"):
            self.complain(
                (*path, "endpoint"),
                f"is missing: every {name} store has an address of its own",
                "add endpoint: https://shop.example.com/rest, or sandbox: true to try it out",
                "job.endpoint",
            )
            known["endpoint"] = "https://localhost"  # so that the rest is checked, too
        try:
            settings = model.model_validate(known)
        except ValidationError as exc:
            self._told(exc, path, given, model)
            return
        host = urlsplit(settings.endpoint or "").hostname or ""
        if settings.rate == "off" and not settings.sandbox and not is_loopback(host):
            self.complain((*path, "rate"), "off is for this machine itself only", "leave it out, or say how many calls")

    def _settings(self, name: str, settings: dict[str, Any], path: KeyPath) -> None:
        model = platform(name).settings
        for key in settings:
            if key not in model.model_fields and key in delivery_model(name).model_fields:
                self.complain((*path, key), "is no setting of the platform", f"write {key}: in the target itself", "job.setting")
        try:
            model.model_validate(settings)
        except ValidationError as exc:
            self._told(exc, path, settings, model, f"{name} has no setting", "job.setting")

    def _places(self, targets: dict[str, Any], path: KeyPath) -> None:
        """Two targets in one place would each delete what the other delivers."""
        seen: dict[tuple[Any, ...], str] = {}
        for key, target in targets.items():
            given = {} if target is None else target
            if not isinstance(given, dict):
                continue
            name = given.get("platform", key)
            if name not in target_names():
                continue
            ways = WAYS[name][1] if name in WAYS else {}
            name = platform_of(name)
            settings = given.get("settings") if isinstance(given.get("settings"), dict) else {}
            assert settings is not None
            sandbox = given.get("sandbox") in (True, "true", "yes", "on")
            parts: list[Any] = [name, sandbox]
            parts.append("" if sandbox else str(given.get("endpoint") or "").rstrip("/").lower())
            parts.append(absolute_path(given["outbox"], self.folder) if isinstance(given.get("outbox"), str) else "")
            if ways.get("by") == "api":
                parts += ["api", str(given.get("shop") or "default")]
            parts.append(str(settings.get("source_hash") or settings.get("feed") or ""))
            first = seen.setdefault(tuple(parts), key)
            if first != key:
                way = "give each a feed: of its own under settings:" if "feed" in platform(name).settings.model_fields else (
                    "give each a place of its own, or leave one of them out"
                )
                self.complain(
                    (*path, key),
                    f'delivers to the same place as "{shown(first)}", so each would take the other\'s products for its own',
                    way,
                    "job.place-twice",
                )

    def _feeds(self, jobs: dict[str, Any]) -> None:
        """Jobs that fill one feed because one of them does not say which it is for (F6). A mapping file may say it, so of
        jobs with one the run itself tells (syncing.py)."""
        places: dict[tuple[Any, ...], list[tuple[str, KeyPath, bool]]] = {}
        for name, job in jobs.items():
            targets = job.get("targets") if isinstance(job, dict) else None
            if not isinstance(targets, dict) or job.get("mapping", "auto") not in ("auto", *presets()):
                continue
            for key, target in targets.items():
                given = {} if target is None else target
                owner = given.get("platform", key) if isinstance(given, dict) else None
                if owner not in platform_names() or "feed" not in platform(owner).settings.model_fields:
                    continue
                assert isinstance(given, dict)
                settings = given["settings"] if isinstance(given.get("settings"), dict) else {}
                said = [str(settings[one]) for one in ("source_hash", "feed") if settings.get(one)]
                default = platform(owner).settings.model_fields["feed"].default
                at = (owner, given.get("sandbox") in (True, "true", "yes", "on"), given.get("endpoint"), *(said or [default])[:1])
                places.setdefault(at, []).append((name, ("jobs", name, "targets", key), not said))
        for same in places.values():
            first = next((one for one in same if not one[2]), same[0])
            for name, path, silent in same:
                if silent and name != first[0]:
                    self.complain(
                        path, f'does not say which feed it is for, and so fills the same as the job "{shown(first[0])}"',
                        shared_feed(name), "job.feed-shared",
                    )

    def _addresses(self) -> None:
        state = self.tree.get("state")
        if isinstance(state, str) and not state.strip():
            self.complain(("state",), "names no ledger", "leave it out for the usual one")

    # -- what the models say

    def _told(
        self,
        exc: ValidationError,
        base: KeyPath,
        tree: Any,
        model: type[BaseModel],
        unknown: str = "there is no key",
        code: str = "job.shape",
    ) -> None:
        errors = exc.errors()
        words = {place_of(error["loc"], tree)[0] for error in errors if error["type"] == "literal_error"}
        for error in errors:
            path, at_end = place_of(error["loc"], tree)
            value = error.get("input")
            kind = error["type"]
            if kind == "literal_error" and isinstance(value, dict) and str(error["loc"][-1]).startswith("literal["):
                continue  # one half of a choice between a word and a block; the other half says more
            if kind in ("model_type", "model_attributes_type") and isinstance(value, str) and path in words:
                continue
            message, mend = worded(error, path)
            if kind == "extra_forbidden":
                keys = keys_at(model, tuple(error["loc"][:-1]))
                near = nearest(str(path[-1]), keys)
                message = f'{unknown} "{shown(path[-1])}"' + ("" if unknown != "there is no key" else " here")
                mend = f'did you mean "{near}"?' if near else f"there {'are' if len(keys) > 1 else 'is'} {', '.join(keys)}"
            elif kind == "missing":
                path = (*path, str(error["loc"][-1])) if not at_end else path
                message = "is missing"
                mend = MISSING.get(str(error["loc"][-1]), "")
            self.complain((*base, *path), message, mend, code)


def _members(node: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _names_something(path: KeyPath) -> bool:
    """Whether a key is a name somebody chose: of a job or of a target."""
    return path[:1] == ("jobs",) and (len(path) == 2 or (len(path) == 4 and path[2] == "targets"))


def _without_nothing(node: Any) -> Any:
    """The tree without keys that have no value: a block whose lines are all comments says nothing."""
    if isinstance(node, dict):
        return {key: value if key == "settings" else _without_nothing(value) for key, value in node.items() if value is not None}
    return [_without_nothing(one) for one in node] if isinstance(node, list) else node


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()).strip("_")


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.password) or any(SECRET.search(key.lower()) for key, _ in parse_qsl(parts.query))
    except ValueError:
        return False


def shared_feed(name: str) -> str:
    """The way out for a job that fills another's feed without saying so."""
    default = platform("flipsnack").settings.model_fields["feed"].default
    return (
        f"write feed: {name} under settings: of the target for a feed of its own. If both are to fill one feed, write "
        f"feed: {default} there in both: that is what they have now, and changes no sourceHash"
    )


def is_mail_address(text: str) -> bool:
    """Whether a text is one mail address, ``name@host`` and nothing else.

    >>> is_mail_address("ops@example.com"), is_mail_address("ops@example.com\\nBcc: x@y"), is_mail_address("ops")
    (True, False, False)
    """
    try:
        address = Address(addr_spec=text)
    except Exception:  # the parser of the standard library raises all kinds of errors for odd addresses
        return False
    return bool(address.username and address.domain) and text.isprintable() and " " not in text
