"""The pictures of a run: collected in a reading of their own once it is known what is written, then looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from sys import intern

from feedbridge.errors import CommandError, FeedbridgeError
from feedbridge.findings import Finding
from feedbridge.images import ImageSettings, Picture, Taker
from feedbridge.mapping.apply import Applied, Way
from feedbridge.mapping.assemble import place_of
from feedbridge.mapping.group import Group
from feedbridge.platforms import Platform, platform
from feedbridge.product import Product
from feedbridge.run.process import place_for

__all__ = ["check_pictures", "collected", "needs", "sent"]


def needs(settings: ImageSettings) -> None:
    """Raises CommandError when pictures cannot be checked, before anything else is done."""
    try:
        for name in ("PIL", "platformdirs", "urllib3"):
            import_module(name)
    except ImportError as exc:
        raise CommandError(
            f"to check pictures takes {exc.name}, which is not installed",
            code="command.images",
            mend="pip install 'feedbridge[images]'",
        ) from exc
    from feedbridge.images.cache import Cache

    Cache(settings.cache)


def check_pictures(
    settings: ImageSettings,
    names: Sequence[str],
    sources: Sequence[tuple[Applied, bool, bytes]],
    progress: Callable[[int], None] | None = None,
) -> tuple[list[tuple[int, Finding]], dict[str, int]]:
    """Findings with their place among all of the run, and what the manifest says. Arguments as for ``collected``."""
    from feedbridge.images import check

    found, summary = check.check_pictures(collected(names, sources), settings, progress)
    return found, summary.to_dict()


def collected(names: Sequence[str], sources: Sequence[tuple[Applied, bool, bytes]]) -> list[Picture]:
    """Every distinct picture of the written products, in their order, with the first place it stands.

    ``names``    the platforms of the run
    ``sources``  each with whether its groups were gathered, and one byte a product and platform: 1 for written
    Raises: FeedbridgeError when a second reading does not give the same products.
    """
    pictures: dict[tuple[str, Path | None], Picture] = {}
    targets = [platform(name) for name in names]
    takers = [Taker(target.title, target.image_types) for target in targets]
    number = 0
    for applied, gathered, written in sources:
        ways = [applied.ways[name] for name in names]
        with unnoticed(applied):
            groups = applied.anywhere() if gathered else applied.groups()
            for start in range(0, len(written), len(names)):
                group = next(groups, None)
                if group is None:
                    raise FeedbridgeError(
                        "products that were written were not found again; nothing was written",
                        where=applied.source.name,
                        code="run.conservation",
                        mend="run again; if the source did not change meanwhile, please report it with the source file",
                    )
                flags = written[start : start + len(names)]
                if any(flags):
                    product_pictures(pictures, applied, group, number, zip(flags, ways, targets, takers, strict=True))
                number += 1
    return list(pictures.values())


def product_pictures(
    pictures: dict[tuple[str, Path | None], Picture],
    applied: Applied,
    group: Group,
    number: int,
    targets: Iterable[tuple[int, Way, Platform, Taker]],
) -> None:
    """The pictures of one product on the platforms it is written for."""
    products: dict[int, Product | None] = {}
    own: set[int] = set()
    for written, way, target, taker in targets:
        if not written:
            continue
        if id(way) not in products:
            products[id(way)] = way.product(group)[0]
        product = products[id(way)]
        if product is None:
            continue
        for field, src in target.pictures(product) if target.pictures is not None else sent(product, target):
            is_address = "://" in src
            key = (src.partition("#")[0], None) if is_address else (src, applied.source.folder)
            picture = pictures.get(key)
            if picture is None:
                picture = pictures[key] = placed(src, field, product, applied, group, way)
                picture.order = number * 2 + 1
            elif id(picture) not in own:
                picture.products += 1
            own.add(id(picture))
            if taker not in picture.takers:
                picture.takers += (taker,)


def sent(product: Product, target: Platform) -> Iterator[tuple[str, str]]:
    """(field, address or path) of every picture a product has, as far as the platform has a place for it."""
    if "images" in target.placed:
        for index, image in enumerate(product.images):
            yield ".".join(("images", str(index), "src")), image.src
    if "image" in target.placed:
        for index, variant in enumerate(product.variants):
            if variant.image is not None:
                yield f"variants.{index}.image.src", variant.image.src


def placed(src: str, field: str, product: Product, applied: Applied, group: Group, way: Way) -> Picture:
    """A picture with file, line, column and SKU."""
    place = place_for(field, way.assembler.assemble(group), group)
    file, line, pointer = place_of(applied.source, place.record)
    parts = field.split(".")
    sku = product.variants[int(parts[1])].sku if parts[0] == "variants" else product.sku
    return Picture(
        src,
        applied.source.folder,
        0,
        file=file,
        line=line,
        column=place.column,
        pointer=pointer,
        sku=sku,
        field=intern(field),
    )


@contextmanager
def unnoticed(applied: Applied) -> Iterator[None]:
    """A further reading changes nothing of what is counted."""
    count = applied.count
    coverage = [(table, table.hits, dict(table.misses)) for table in applied.tables()]
    try:
        yield
    finally:
        applied.count = count
        for table, hits, misses in coverage:
            table.reset(hits, misses)
