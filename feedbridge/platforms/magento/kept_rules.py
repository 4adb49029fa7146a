"""The rules no product can break, because of how requests are built or answers read; each names what holds it."""

from __future__ import annotations

from feedbridge.findings import Severity
from feedbridge.platforms.magento.sources import CORE_OPTIONS, CORE_PRICES, OURS, PAGE, SIBLING
from feedbridge.rules import Rule

__all__ = [
    "KEPT_RULES", "categories_have_ids", "document_is_a_map", "field_has_a_place", "id_is_the_stores",
    "parent_is_left_out", "picture_has_an_address",
]

ONCE = "the converter notes it, and the run says it once, with the number of products"
ANSWER = "answer.parse_answer"
REST = "AdobeDocs/commerce-webapi, Get started: gs-web-api-response.md"
OAUTH = "AdobeDocs/commerce-webapi, Get started: authentication/gs-authentication-oauth.md"
SECURITY = "AdobeDocs/commerce-webapi, Get started: api-security.md"
CONFIGURABLE = "magento/magento2 2.4.6-p1, ConfigurableProduct: Model/OptionRepository.php, Model/LinkManagement.php"


def kept(
    number: str, *, title: str, source: str, mend: str, held_by: str, good: str, bad: str,
    severity: Severity = Severity.ERROR,
) -> Rule:
    return Rule(number, severity, title, source, mend, good, bad, held_by=held_by)


document_is_a_map = kept(
    "M1",
    title="The request is one JSON object in UTF-8; its single member `product` is an object with at least one entry.",
    source=PAGE, good='{"product": {"20417": {"id": 20417}}}', bad='{"product": [{"id": 20417}]}',
    mend="take the characters out that are no Unicode text",
    held_by="the writer puts every file together from whole entries, and opens none before the first; "
    "text that cannot be UTF-8 holds its product back",
)
field_has_a_place = kept(
    "M17", title="A field without a place in the request (SKU, description, weight, stock …) is reported once a run.",
    source=PAGE, severity=Severity.WARNING,
    good="a feed of ids, titles and prices", bad="a feed with descriptions and weights",
    mend="nothing, if the store has it from elsewhere; else take it out of the mapping",
    held_by="the run compares the fields of the mapping with those this platform has a place for",
)
categories_have_ids = kept(
    "M12c", title="Categories come with the store's ids: the request knows them by nothing else, names are left out.",
    source=PAGE, severity=Severity.WARNING,
    mend="give the mapping a lookup table from category path to the store's id (category_ids.magento)",
    good='"category_id": "310"', bad='"category_id": "Bags/Totes"', held_by=ONCE,
)
id_is_the_stores = kept(
    "A3", title="A product has the store's own id. Without one the SKU is sent; no number is made up, since a new id "
    "would create a second product.", source=OURS, severity=Severity.WARNING,
    mend="map a column to ids.magento, or say magento.sku_as_id=true if the store knows its products by SKU",
    good='"id": 20417', bad='"id": "TOTE-1"', held_by=ONCE,
)
parent_is_left_out = kept(
    "A9", title="A product with variants is written as one simple product a variant; the parent is left out.",
    source=OURS, severity=Severity.WARNING,
    mend="nothing, if that is meant; magento.parent=true writes parents too, without links to their variants",
    good='"name": "Crew Tee - Navy / S"', bad='"configurable_product_links": [30001, 30002]', held_by=ONCE,
)

price_is_there = kept(
    "M8c", title="An active product has a price; without one it is sent without, and the store keeps or asks for its own.",
    source=OURS, severity=Severity.WARNING, mend="fill in the price, or map the column that holds it",
    good='"price": "18.95"', bad='no "price" member', held_by=ONCE,
)

picture_has_an_address = kept(
    "M14b", title="Pictures are given as addresses where the mapping can make them; a path is one of the store's own "
    "folder.", source=OURS, severity=Severity.WARNING,
    mend="say where the pictures are, or nothing, if they lie in the store's folder",
    good='"src": "https://cdn.example.test/images/tote.jpg"', bad='"src": "images/tote.jpg"', held_by=ONCE,
)

KEPT_RULES: tuple[Rule, ...] = (
    price_is_there,
    picture_has_an_address,
    document_is_a_map,
    kept(
        "M3", mend="report a request whose key and id differ: it did not come from here",
        title="When the key of an entry and its inner id differ, the inner id counts; written ones never differ.",
        source=SIBLING, severity=Severity.WARNING, good='"20417": {"id": 20417}', bad='"20417": {"id": 20418}',
        held_by="key and id are made of the same text",
    ),
    kept(
        "M5", mend="nothing: grouped and bundle products have no place here",
        title="`type` is simple or configurable, in lower case.", source=PAGE, good='"type": "simple"',
        bad='"type": "Bundle"', held_by="the payload models; every variant is a simple product (choice A9)",
    ),
    kept(
        "M6", mend="map the source's status to active, draft or archived",
        title="`status` is 0 or 1.", source=PAGE, good='"status": 0', bad='"status": 2',
        held_by="made of the canonical status: 1 when product and variant are active, else 0",
    ),
    field_has_a_place,
    kept(
        "M24", mend="give prices and tiers to the variants",
        title="A configurable product has no tier prices, price or special price: they have no effect there.",
        source=CORE_PRICES, good='{"type": "configurable", "name": "Crew Tee"}',
        bad='{"type": "configurable", "tier_price": []}',
        held_by="the payload model of the parent; its variants inherit its prices",
    ),
    kept(
        "M26", mend="give one of the ten types in the mapping's lookup",
        title="The type of a custom option is field, area, file, drop_down, radio, checkbox, multiple, date, "
        "date_time or time.", source=f"{PAGE}; {CORE_OPTIONS}", good='"type": "drop_down"', bad='"type": "dropdown"',
        held_by="the canonical product knows no other kind; the mapping's reader refuses them",
    ),
    kept(
        "M27", mend="write field for text and drop_down for select",
        title="`text` and `select` are groups of types and never written as one.", source=f"{PAGE}; {CORE_OPTIONS}",
        good='"type": "field"', bad='"type": "text"',
        held_by="the canonical product knows no such kind; the mapping's reader turns them into field and drop_down",
    ),
    kept(
        "M29", mend="say in the source whether the option is required",
        title="`is_require` is 0 or 1 and always written: the store takes 1 when it is missing.", source=PAGE,
        good='"is_require": 0', bad='{"title": "Gift note", "type": "field"}', held_by="the payload models",
    ),
    kept(
        "M32", mend="write fixed or percent",
        title="`price_type` is fixed or percent, for options and values.", source=f"{PAGE}; {CORE_OPTIONS}",
        good='"price_type": "percent"', bad='"price_type": "%"',
        held_by="the canonical product knows no other; fixed is written when the source has none",
    ),
    kept(
        "M41", mend="write 1 or 0",
        title="`is_delete` is 0 or 1 and always written.", source=PAGE, good='"is_delete": 0', bad='"is_delete": "no"',
        held_by="the payload models",
    ),
    kept(
        "M46", mend="nothing: percentages go through as they are",
        title="A percentage of an option is never converted with the currency and never rounded as money.",
        source=CORE_OPTIONS, severity=Severity.WARNING, good='"price": 12.5, "price_type": "percent"',
        bad='"price": 13, "price_type": "percent"', held_by="modifiers are written digit by digit",
    ),
    kept(
        "M49", mend="look at the attribute's settings in the store",
        title="The option variants differ in is global, visible, backed by a list and made by a user.",
        source=CONFIGURABLE, good="size, a global drop-down attribute", bad="size, a text attribute of one store view",
        held_by="not sent: the request cannot name attributes; check it in the store",
    ),
    kept(
        "M51", mend="link the variants to their parent in the store",
        title="Each option of a configurable product has an attribute id, a label and at least one value.",
        source=CONFIGURABLE, good='{"attribute_id": "141", "label": "Size"}', bad='{"label": "Size"}',
        held_by="not sent: the request cannot name attributes, and none is invented",
    ),
    kept(
        "M52", mend="look at the message, then run again: what was taken before is recognised",
        title="An answer is a list of objects with `response`, a list of {id, code, status, message}; anything else "
        "is a transport failure.", source=PAGE, good='[{"response": []}]', bad="<html>502 Bad Gateway</html>",
        held_by=ANSWER,
    ),
    kept(
        "M53", mend="ask the store's operator which version of the API answers",
        title="The `code` of an answer is read as a whole number, whether text or number.",
        source=f"{PAGE}; {SIBLING}", good='"code": "200"', bad='"code": "fine"', held_by=ANSWER,
    ),
    kept(
        "M54", mend="mend what the message says and send the product again",
        title="A product was taken only if its status is success and its code 200 to 299.",
        source=f"{PAGE}; {SIBLING}", good='{"code": "200", "status": "success"}',
        bad='{"code": 404, "status": "error"}', held_by=ANSWER,
    ),
    kept(
        "M55", mend="send the products again that were not answered",
        title="Answers are matched to products by id as text; one not answered is an error, an unknown one a warning.",
        source=f"{PAGE}; {SIBLING}", good="20417 sent, 20417 answered", bad="20417 sent, nothing answered",
        held_by=ANSWER,
    ),
    kept(
        "M56", mend="mend what the message says",
        title="Messages of the store are shown as they came and never interpreted.", source=PAGE,
        good="Please pass vaild special_price.", bad="Please pass a valid price.", held_by=ANSWER,
    ),
    kept(
        "M57", mend="mend what the message says and send the request again",
        title="An answer that is an object with `message` and `parameters` is an error of the whole call.",
        source=REST, good='{"message": "%1 is required", "parameters": ["name"]}', bad='{"error": 1}', held_by=ANSWER,
    ),
    kept(
        "M58", mend="set the four credentials in the environment",
        title="Calls are signed with OAuth 1.0a, HMAC-SHA256; credentials never go to a log or an output file.",
        source=OAUTH, good="credentials in the environment", bad="credentials in the mapping",
        held_by="nothing here reads credentials; delivery does, from the environment",
    ),
    kept(
        "M59", mend="set magento.batch_products to the store's limit",
        title="No size limit is documented for a request; the store's optional guards are 20 products, or 5,000 for "
        "asynchronous calls.", source=SECURITY, severity=Severity.ADVICE, good="magento.batch_products=20",
        bad="50,000 products in one call to a guarded store",
        held_by="the settings batch_products and batch_bytes",
    ),
    categories_have_ids,
    id_is_the_stores,
    parent_is_left_out,
)
