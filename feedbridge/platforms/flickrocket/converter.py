"""One product to its product.json and the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from feedbridge.platforms.base import Outcome
from feedbridge.platforms.flickrocket import rules
from feedbridge.platforms.flickrocket.download import Downloads
from feedbridge.platforms.flickrocket.files import Gathering
from feedbridge.platforms.flickrocket.folders import SourceFolder, folder_name, name_key
from feedbridge.platforms.flickrocket.licences import (
    LANGUAGES,
    cents,
    flickrocket_id,
    is_complete,
    language_of,
    licences_of,
    model_content,
    models_written,
    texts_written,
)
from feedbridge.platforms.flickrocket.media import NO_DRM, TYPES, medium_of
from feedbridge.platforms.flickrocket.payload import (
    PLACEHOLDER_USER,
    LightBinding,
    LightCategory,
    LightCover,
    LightCurrencyAmount,
    LightFileOptions,
    LightFiles,
    LightGroup,
    LightLocaleTexts,
    LightOptions,
    LightPrice,
    LightProductFile,
    LightProductPart,
    LightTheme,
)
from feedbridge.platforms.flickrocket.settings import FlickRocketSettings
from feedbridge.product import DigitalGood, light
from feedbridge.rules import Found, Problem, Rule

__all__ = ["FlickRocketConverter"]

_TYPE_RULES = (rules.K18, rules.K19, rules.S7, rules.A3)
"""Rules that need the product's type, asked again when only the files have told it."""
_LightDigital: Any = light(DigitalGood)


class FlickRocketConverter:
    """Turns products into batch-upload folders. Holds listings of source folders and what was fetched."""

    def __init__(self, settings: FlickRocketSettings, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._encoder = msgspec.json.Encoder()
        self._downloads = Downloads(settings)
        self._folders: dict[Path, SourceFolder] = {}
        self._physical = Found(
            rules.K4, Problem("kind", "physical goods cannot be batch-uploaded: needs CSV import or admin entry")
        )

    def convert(self, product: Any, folder: Path | None) -> Outcome:
        """One product. Never raises for anything in it."""
        if product.kind == "physical" and not product.content and product.digital is None:
            return Outcome(problems=[self._physical], excluded="physical goods")
        settings = self._settings
        waiting = rules.S2.check(product, None, settings) if rules.S2.check is not None else None
        if waiting is not None:
            return Outcome(problems=[Found(rules.S2, waiting)], excluded=waiting.value)

        problems = self._checked(product, rules.CHECKED)
        gathering = Gathering(
            product,
            self._source(folder),
            self._downloads,
            settings,
            held_back=_is_held_back(problems),
        )
        written = texts_written(product, settings)
        own = language_of(product.locale or settings.locale)
        gathering.gather(own if own in LANGUAGES else next(iter(written), ""))
        problems += gathering.found
        if gathering.medium is not None and medium_of(product) is None:
            digital = product.digital if product.digital is not None else _LightDigital()
            product = msgspec.structs.replace(
                product, digital=msgspec.structs.replace(digital, medium=gathering.medium)
            )
            problems += self._checked(product, _TYPE_RULES)

        name = folder_name(product.sku)
        identity = flickrocket_id(product)
        outcome = Outcome(
            keys=(name_key(name), f"FlickRocket id: {identity}") if identity else (name_key(name),),
            problems=problems,
            folder=name,
        )
        if not _is_held_back(problems):
            self._write(product, gathering, written, outcome)
        return outcome

    def _write(self, product: Any, gathering: Gathering, written: dict[str, int], outcome: Outcome) -> None:
        models = dict(models_written(product, self._settings))
        try:
            outcome.body = self._encoder.encode(self._payload(product, gathering, written, models))
        except UnicodeEncodeError as exc:
            text = str(exc.object)[max(0, exc.start - 20) : exc.start]
            problem = Problem("title", f'a text holds half a character after "{text}": it is no Unicode')
            outcome.problems.append(Found(rules.K1, problem))
            return
        outcome.files = tuple(gathering.uses)
        outcome.claims = tuple(dict.fromkeys((model.title, model_content(model)) for model in models.values()))

    def _checked(self, product: Any, asked: tuple[Rule, ...]) -> list[Found]:
        found: list[Found] = []
        for rule in asked:
            answer = rule.check(product, None, self._settings) if rule.check is not None else None
            if answer is None:
                continue
            found += (
                [Found(rule, answer)] if isinstance(answer, Problem) else [Found(rule, problem) for problem in answer]
            )
        return found

    def _source(self, folder: Path | None) -> SourceFolder | None:
        if folder is None:
            return None
        source = self._folders.get(folder)
        if source is None:
            source = self._folders[folder] = SourceFolder(folder)
        return source

    def _payload(self, product: Any, gathering: Gathering, written: dict[str, int], models: dict[int, Any]) -> Any:
        settings = self._settings
        updating = bool(flickrocket_id(product))
        empty = "" if updating else None  # the documented update names empty slots, the create does not
        part = self._product_part(product, gathering, written, models)
        place = settings.write_price_models
        price = _price(next(iter(models.values()))) if models and place in ("product", "top") else None
        if place == "product":
            part.price = price
        return LightProductFile(
            user=PLACEHOLDER_USER,
            files=LightFiles(
                main=gathering.main or None,
                flux_dvd=gathering.flux_dvd or empty,
                preview=gathering.preview or empty,
                pictures=tuple(gathering.pictures) or None,
                product_picture=tuple(
                    LightCover(language_id=language, picture=path) for language, path in gathering.covers.items()
                )
                or None,
            ),
            options=LightOptions(
                files=LightFileOptions(
                    main=_slot(gathering.main),
                    flux_dvd=_slot(gathering.flux_dvd),
                    preview=_slot(gathering.preview),
                ),
                add_content_to_uploader=settings.add_content_to_uploader,
                add_content_to_shop_owner=settings.add_content_to_shop_owner,
                send_mail_to_shop_owner=settings.send_mail_to_shop_owner,
                flux_package_audio_type=self._package_audio_type(product, updating),
            ),
            product=part,
            price=price if place == "top" else None,
        )

    def _product_part(self, product: Any, gathering: Gathering, written: dict[str, int], models: dict[int, Any]) -> Any:
        settings = self._settings
        digital = product.digital if product.digital is not None else _LightDigital()
        identity = flickrocket_id(product)
        medium = medium_of(product)
        number = TYPES[medium].number if medium else None
        themes, groups = digital.themes, digital.groups
        if not identity:
            themes, groups = themes or settings.themes, groups or settings.groups
        return LightProductPart(
            id=int(identity) if identity else None,
            title=product.title,
            version=digital.version or None,
            product_type=None if identity else number,
            drm_protected=self._drm(digital.drm, number, bool(identity)),
            locales=tuple(self._texts(product, language, index) for language, index in written.items()) or None,
            price_license_binding=tuple(self._bindings(product, number, models)) or None,
            categories=tuple(
                LightCategory(category_id=int(text)) for text in product.category_ids.get("flickrocket", ())
            )
            or None,
            themes=tuple(LightTheme(theme_id=theme) for theme in themes) or None,
            groups=tuple(LightGroup(group_id=group) for group in groups) or None,
        )

    def _drm(self, asked: bool | None, number: int | None, updating: bool) -> bool | None:
        if asked is None:
            if updating:
                return None
            asked = self._settings.drm
        return asked and number not in NO_DRM

    @staticmethod
    def _texts(product: Any, language: str, index: int) -> Any:
        texts = product if index < 0 else product.translations[index]
        return LightLocaleTexts(
            language_id=language,
            title=texts.title or product.title,
            description=texts.description or None,
        )

    def _bindings(self, product: Any, number: int | None, models: dict[int, Any]) -> list[Any]:
        """Complete bindings; rule K12 has spoken of the others."""
        inside = self._settings.write_price_models == "binding"
        return [
            LightBinding(
                license_id=licence.license_id,
                price_id=licence.price_id,
                price=_price(models[index]) if inside and index in models else None,
                hd=bool(licence.hd) and number in (9, None),
                compare_price_id=licence.compare_price_id,
                audio_type=licence.audio_type if licence.audio_type in (0, 1) and number in (23, 24, None) else None,
                num_users=licence.num_users
                if licence.num_users is not None and 1 <= licence.num_users < 2**31
                else None,
            )
            for index, licence in enumerate(licences_of(product))
            if is_complete(licence, self._settings)
        ]

    def _package_audio_type(self, product: Any, updating: bool) -> str | None:
        medium = medium_of(product)
        given = product.digital.package_audio_type if product.digital is not None else None
        configured = self._settings.package_audio_type
        if medium == "audio-package" or (medium is None and updating and given):
            return given if given and given in ("music", configured) else configured
        return None


def _slot(path: str) -> str:
    return "replace" if path else "none"


def _price(model: Any) -> Any:
    return LightPrice(
        title=model.title,
        currencies=tuple(
            LightCurrencyAmount(currency=money.currency.lower(), price=cents(money.amount)) for money in model.amounts
        ),
    )


def _is_held_back(problems: list[Found]) -> bool:
    return any(found.rule.severity == "error" for found in problems)
