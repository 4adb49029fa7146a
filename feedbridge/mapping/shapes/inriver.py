"""inriver's entities: fields in one language become ``values``, linked items ``items``, linked resources ``images``.

``categories`` are the paths of the channel nodes that lead to an entity. An item has ``values`` and ``images`` of its own.

Source: public clients of the inriver REST API, "Fetch data" models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from feedbridge.mapping.akeneo import RAW
from feedbridge.mapping.shapes._common import blank, items_of, spoken, tag

__all__ = ["flatten", "places"]

MOST_STEPS = 20
KEPT = ("fields", "fieldValues", "outbound", "inbound", "media", "mediaDetails", "specification")


def flatten(document: dict[str, Any], locale: str | None, scope: str | None, translations: bool) -> dict[str, Any]:
    """``fields[{fieldTypeId, value}]`` becomes ``values.<fieldTypeId>``, with ``translations`` also
    ``values_by_locale.<language>.<fieldTypeId>``."""
    shaped = entity(document, locale)
    shaped["items"] = [
        *(entity(one, locale) for kind, one in linked(document) if kind == "item"),
        *unfetched(document),
    ]
    shaped["categories"] = list(dict.fromkeys(paths_of_nodes(document, locale)))
    shaped[RAW] = document
    if translations:
        by: dict[str, dict[str, Any]] = {}
        for name, value, _ in fields_of(document):
            for language, text in (by_language(value) or {}).items():
                if not blank(text):
                    by.setdefault(language, {})[name] = text
        shaped["values_by_locale"] = by
    return shaped


def entity(document: dict[str, Any], locale: str | None) -> dict[str, Any]:
    """An entity by itself, with its own pictures."""
    shaped = {key: value for key, value in document.items() if key not in KEPT}
    values = {}
    for name, value, field in fields_of(document):
        shown = plain(field.get("displayValue"), locale) if field.get("cvlId") else None
        given = plain(value, locale) if blank(shown) else shown
        if (field.get("isMultiValue") or field.get("cvlId")) and isinstance(given, str) and ";" in given:
            given = [part.strip() for part in given.split(";") if part.strip()]
        if not blank(given):
            values[name] = given
    pictures = dict.fromkeys(addresses(document))
    for kind, one in linked(document):
        if kind == "resource":
            pictures.update(dict.fromkeys(addresses(one)))
    return {**shaped, "values": values, "images": list(pictures)}


def fields_of(document: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name, value and field of each field; the specification's are fields, too."""
    for member in ("fieldValues", "fields", "specification"):
        given = document.get(member)
        for one in given if isinstance(given, list) else ():
            name = one.get("fieldTypeId") or one.get("specificationFieldTypeId") if isinstance(one, dict) else None
            if name:
                yield str(name), one.get("value"), one


def by_language(value: Any) -> dict[str, Any] | None:
    """The texts of a localised value by language; None when it is none."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(inner := next(iter(value.values())), dict):
        value = inner
    return value if isinstance(value, dict) and value and all(tag(key) for key in value) else None


def plain(value: Any, locale: str | None) -> Any:
    """A value in one language; a list item by item."""
    if isinstance(value, list):
        return [one for item in value if not blank(one := plain(item, locale))]
    texts = by_language(value)
    if texts is None:
        return value.get("value", value.get("key")) if isinstance(value, dict) else value
    filled = {language: text for language, text in texts.items() if not blank(text)}
    wanted = spoken(filled, locale)
    if wanted is None and len(filled) == 1 and locale is None:
        wanted = next(iter(filled))
    return filled[wanted] if wanted is not None else None


def linked(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Entities a document links to, by the order of its links: ``item``, ``resource`` or another kind."""
    links = [
        one
        for one in items_of(document.get("outbound"))
        if isinstance(one, dict) and isinstance(one.get("linkEntity"), dict)
    ]
    for link in sorted(links, key=lambda one: one["linkIndex"] if isinstance(one.get("linkIndex"), int) else 0):
        yield kind_of(link["linkEntity"]) or ending(str(link.get("linkTypeId") or "")), link["linkEntity"]


def unfetched(document: dict[str, Any]) -> Iterator[str]:
    """What stands for items that a document links to and that were not fetched with it: a text, which is no variant, so
    that the product is held back and none is missed."""
    for link in items_of(document.get("outbound")):
        if isinstance(link, dict) and not isinstance(link.get("linkEntity"), dict):
            name = str(link.get("linkTypeId") or "")
            target = link.get("linkEntityId", link.get("targetEntityId"))
            if ending(name) == "item":
                yield f"the link {name}" + (f" to entity {target}" if target else "") + ", whose entity was not fetched"


def kind_of(document: dict[str, Any]) -> str:
    summary = document.get("summary")
    kind = summary.get("entityTypeId") if isinstance(summary, dict) else document.get("entityTypeId")
    return str(kind or "").casefold()


def ending(link: str) -> str:
    """What a link leads to by its name: ``ProductItem`` to an item."""
    lower = link.casefold()
    return next((kind for kind in ("item", "resource") if lower.endswith((kind, f"{kind}s"))), "")


def addresses(document: dict[str, Any]) -> Iterator[str]:
    """Where the pictures of an entity are."""
    details = document.get("mediaDetails")
    files = (
        {str(one.get("url")): str(one.get("extension") or "") for one in details if isinstance(one, dict)}
        if isinstance(details, list)
        else {}
    )
    summary = document.get("summary")
    main = summary.get("resourceUrl") if isinstance(summary, dict) else None
    media = document.get("media")
    for one in [main, *(media if isinstance(media, list) else ()), *files]:
        one = one.get("url") if isinstance(one, dict) else one
        if isinstance(one, str) and one and files.get(one, "").strip(".").casefold() not in OTHERS:
            yield one


OTHERS = frozenset({"pdf", "doc", "docx", "xls", "xlsx", "zip", "mp4", "mov", "avi", "txt", "step", "dwg"})


def paths_of_nodes(document: dict[str, Any], locale: str | None, steps: int = 0) -> Iterator[str]:
    """The paths of the channel nodes above an entity."""
    for link in items_of(document.get("inbound")):
        node = link.get("linkEntity") if isinstance(link, dict) else None
        if not isinstance(node, dict) or kind_of(node) != "channelnode" or steps > MOST_STEPS:
            continue
        summary = node.get("summary")
        name = plain(summary.get("displayName"), locale) if isinstance(summary, dict) else None
        if isinstance(name, str) and name:
            above = list(paths_of_nodes(node, locale, steps + 1))
            yield from [f"{path} > {name}" for path in above] or [name]


def places(documents: Iterable[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """The languages of localised fields, when there are several."""
    found: set[str] = set()
    for document in documents:
        for one in (document, *(inner for _, inner in linked(document))):
            for _, value, _field in fields_of(one):
                found |= {language for language, text in (by_language(value) or {}).items() if not blank(text)}
    return sorted(found) if len(found) > 1 else [], []
