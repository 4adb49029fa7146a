"""Flipsnack's rules that hold by construction, or that whoever sends the calls must keep.

Source: docs/platforms/flipsnack.md. F: documented by Flipsnack. A: not documented, feedbridge's choice.
"""

from __future__ import annotations

from feedbridge.findings import Severity
from feedbridge.rules import Rule

__all__ = ["A4", "A17", "F7", "F9", "F13", "HELD", "S5"]

CREATE = "products.create page"
SIGNING = "signing page"
SENDER = "convert sends nothing; a sender of the requests keeps to it"


def _held(number: str, title: str, source: str, held_by: str, good: str, bad: str, mend: str = "") -> Rule:
    return Rule(number, Severity.ERROR, title, source, mend or "nothing to do: feedbridge sees to it", good, bad,
                held_by=held_by)


F7 = _held("F7", "The products of a call are one JSON array of objects, sent as one parameter.", CREATE,
           "the writer: a batch file is exactly that text", '[{"type":"product","code":"MUG-1"}]',
           '{"type":"product","code":"MUG-1"}')
F9 = _held("F9", "A call's body has at most 200 MB (counted as 200,000,000 bytes of the whole encoded body).", CREATE,
           "the writer splits batches by bytes; the converter refuses a product too big for a call of its own",
           "a product of 2 kB", "a product with a description of 300 MB",
           "shorten the product's texts or split its variants over several products")
F13 = _held("F13", "No SKU stands twice in a feed, whether of products or of variants.", CREATE,
            "the run remembers every SKU of the feed", "MUG-1, MUG-2", "MUG-1, MUG-1",
            "give each product and variant a SKU of its own, or remove the repeated one")
A4 = _held("A4", "A call is compact ASCII JSON; text must be Unicode characters.", CREATE,
           "the converter escapes what is not ASCII and refuses halves of characters", "Caf\\u00e9",
           "half of a surrogate pair", "repair the text in the source: half a character is left of something")
A17 = Rule("A17", Severity.WARNING, "SKUs differ in more than upper and lower case.", CREATE,
           "make sure these are two products, and give them SKUs that differ in more than case", "tee-1, TEE-2",
           "tee-1, TEE-1", held_by="the run remembers every SKU of the feed")
S5 = Rule("S5", Severity.ADVICE, "What a source says has a place in the product Flipsnack takes.", "feedbridge choice",
          "leave the column out of the mapping, or map it to a field Flipsnack has", "title", "gtin",
          held_by="the run compares the mapping with the fields Flipsnack has")

HELD: tuple[Rule, ...] = (
    _held("F1", "Product calls go to https://api.flipsnack.com/v1, never to the upload host or plain http.", CREATE,
          f"ENDPOINT in signing.py; {SENDER}", "https://api.flipsnack.com/v1/", "https://upload.flipsnack.com/v1"),
    _held("F2", "Every call has an apiKey, a signature and an action, none of them empty.", "getting started",
          "create_request refuses empty keys", "apiKey=KEY-0001", "apiKey="),
    _held("F3", "The action is products.create or products.update.", "products.create page, update page",
          "create_request", "products.create", "automation.createProducts"),
    _held("F4", "Every product call has a sourceHash.", CREATE, "create_request", "sourceHash=2d67…274b",
          "sourceHash="),
    _held("F5", "A sourceHash has at most 64 characters.", CREATE, "source_hash refuses longer ones before the run",
          "64 hex digits", "65 hex digits",
          "give the sourceHash the feed was created with, or leave it out to have one made"),
    _held("F6", "A feed has the same sourceHash in every run and batch, and two feeds never share one.", CREATE,
          "source_hash makes it from the feed's name", "feed: spring", "two jobs, both feed: spring",
          "give each feed a name of its own"),
    F7,
    _held("F8", "A call has at most 500 products.", "products.create page, update page",
          "the writer begins a new batch; the setting batch_products goes to 500 at most",
          "501 products in two calls", "501 products in one call"),
    F9,
    _held("F10", "Each product has a type and a code, both text.", CREATE,
          "the payload model; the canonical SKU is never empty", '{"type":"product","code":"MUG-1"}',
          '{"code":"MUG-1"}'),
    _held("F11", "Variants stand only inside their product.", CREATE, "the converter", '{"code":"TEE","variants":[…]}',
          '[{"code":"TEE"},{"code":"TEE-S","parent_code":"TEE"}]'),
    F13,
    _held("F15", "Only the documented members appear, where they are documented.", CREATE, "the payload model",
          '{"title":"Tee"}', '{"name":"Tee"}'),
    _held("F17", "A product's price is sell_price, a variant's is price.", CREATE, "the payload model",
          '{"sell_price":20}', '{"price":20}'),
    _held("F18", "The signature is MD5 over the secret and the sorted names and values, signature and file left out.",
          SIGNING, "sign, tested with the published vector", "26e781d3d1751d82ec284acf4a019def",
          "26e781d3d1751d82ec284acf4a019", "copy the API key and secret again from Flipsnack's account settings"),
    _held("F19", "The secret key is in no request field, log line or written file.", SIGNING,
          "create_request refuses to; nothing that keeps the secret shows it", "apiKey=KEY-0001",
          "apiSecretKey=SECRET-0001", "take the secret out of the settings: it belongs in the environment"),
    _held("F20", "Calls stay within 5 a second and 60 a minute.", "limits page", SENDER, "one call every 2 seconds",
          "10 calls a second"),
    _held("F21", "A delete call carries the sourceHash and productsSKU, an array of codes.", "delete page",
          "delete_request", 'productsSKU=["MUG-1"]', "productsSKU=MUG-1"),
    _held("F22", "The code in the answer's body decides: 200 or 20 is success, anything else is not.",
          "products.create page, status page", SENDER, '{"code":200}', "HTTP 200 with code 44 in the body"),
    _held("A1", "The products text is signed like any other parameter.", SIGNING, "sign", "products hashed",
          "products left out of the hash"),
    _held("A2", "Values are signed as they are and encoded for transport afterwards.", SIGNING,
          "create_request returns the text it signed", "products=[{…}] hashed", "products=%5B%7B… hashed"),
    _held("A3", "Product calls are POST multipart/form-data, text parts without file names.", CREATE, SENDER,
          "POST multipart/form-data", "GET"),
    A4,
    _held("A5", "A sourceHash made by feedbridge has 64 lower-case hex digits; the user's own may be shorter.", CREATE,
          "source_hash; the manifest carries a warning when the user's own is shorter", "64 hex digits",
          "an empty sourceHash"),
    _held("A12", "No feed name is sent, unless extra_parameters names one.", CREATE, "create_request",
          "extra_parameters: {}", "feedName=…"),
    _held("A13", "A create call creates; what is there already is sent as an update.", CREATE,
          "without a ledger all calls are create", "products.create for new SKUs", "products.create for a known SKU"),
    _held("A14", "A non-empty Errors list in a successful answer is a partial failure.", CREATE, SENDER,
          '{"code":200,"data":{"Errors":[]}}', '{"code":200,"data":{"Errors":["…"]}} taken as success'),
    _held("A15", "The 500 of a call are products; their variants are not counted, nor parted from them.", CREATE,
          "the writer", "500 products with 2 variants each in one call",
          "a product in one call, its variant in the next"),
    _held("A16", "The 200 MB are measured on the whole encoded request body.", CREATE,
          "request_overhead in signing.py, an upper bound", "200,000,000 bytes", "200 MiB"),
    A17,
    _held("A19", "Absent and empty fields are left out; null is never sent.", CREATE, "the light payload structs",
          '{"code":"MUG-1"}', '{"code":"MUG-1","title":null}'),
    _held("A20", "Deleting is products.delete with productsSKU as a JSON array, at most 500 codes.", "delete page",
          f"delete_request; {SENDER}", 'productsSKU=["MUG-1"]', "action=products.update"),
    _held("A21", "The secret key is never sent, whatever the create page's introduction says.", CREATE,
          "create_request", "apiKey, signature", "apiSecretKey"),
    _held("A22", "One call every 2 seconds unless set otherwise; a create with unknown outcome is not repeated.",
          "limits page", SENDER, "a pause of 2 s", "the same create again after a time-out"),
    _held("A23", "The body is read before the HTTP status.", "status page", SENDER, "HTTP 400 with code 30 in the body",
          "HTTP 502 taken as an answer"),
    _held("A25", "Texts are sent whole, whatever their length.", CREATE, "the converter", "a title of 300 characters",
          "a title cut at 255"),
    _held("A26", "Batches are written as data, not as shell commands.", CREATE, "the writer", "batch-0001.json",
          "curl -F 'products=@…'"),
    S5,
)
