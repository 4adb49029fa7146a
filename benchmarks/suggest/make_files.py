"""Write the labelled files: invented shops, wholesalers, ERPs, marketplaces and PIMs in a dozen languages.

    python benchmarks/suggest/make_files.py

Headers are worded as such systems word them; products are invented. The same bytes come out every time.
``files/labels.yaml`` says for every column which canonical field it is: ``-`` for none, ``price?`` for a field that
may be left out without being missed, ``a|b`` where either is right.
"""

# ruff: noqa: E501 - tables of words are easier to read in long lines
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "files"

THINGS = {
    "en": "Walking Boots|Rain Jacket|Wool Socks|Camping Stove|Head Torch|Tin Mug|Folding Chair|Map Case|Trail Mix|Sun Hat|Tent Pegs|Dry Bag",
    "de": "Wanderstiefel Eiger|Regenjacke Nordsee|Wollsocken grau|Gaskocher klein|Stirnlampe hell|Blechtasse rot|Klappstuhl Buche|Kartentasche|Studentenfutter 200 g|Sonnenhut Leinen|Heringe Alu|Packsack 20 Liter",
    "fr": "Chaussures de marche|Veste de pluie|Chaussettes en laine|Réchaud à gaz|Lampe frontale|Tasse en métal|Chaise pliante|Porte-cartes|Mélange de noix|Chapeau de soleil|Sardines de tente|Sac étanche",
    "es": "Botas de montaña|Chaqueta impermeable|Calcetines de lana|Hornillo de gas|Linterna frontal|Taza metálica|Silla plegable|Funda de mapas|Mezcla de frutos|Sombrero de sol|Piquetas de tienda|Bolsa estanca",
    "it": "Scarponi da trekking|Giacca impermeabile|Calze di lana|Fornello a gas|Torcia frontale|Tazza di latta|Sedia pieghevole|Porta mappe|Misto di noci|Cappello da sole|Picchetti tenda|Sacca stagna",
    "nl": "Wandelschoenen hoog|Regenjas blauw|Wollen sokken|Gasbrander klein|Hoofdlamp fel|Emaille mok|Klapstoel hout|Kaartentas|Notenmix zak|Zonnehoed linnen|Haringen set|Waterdichte zak",
    "pt": "Botas de caminhada|Casaco impermeável|Meias de lã|Fogareiro a gás|Lanterna de cabeça|Caneca de lata|Cadeira dobrável|Porta mapas|Mistura de nozes|Chapéu de sol|Estacas de tenda|Saco estanque",
    "pl": "Buty trekkingowe|Kurtka przeciwdeszczowa|Skarpety wełniane|Kuchenka gazowa|Latarka czołowa|Kubek blaszany|Krzesło składane|Mapnik turystyczny|Mieszanka orzechów|Kapelusz letni|Śledzie do namiotu|Worek wodoszczelny",
    "sv": "Vandringskängor läder|Regnjacka blå|Ullstrumpor grå|Gaskök litet|Pannlampa stark|Plåtmugg röd|Fällstol björk|Kartfodral vattentätt|Nötmix påse|Solhatt linne|Tältpinnar aluminium|Packpåse 20 liter",
    "cs": "Turistické boty|Nepromokavá bunda|Vlněné ponožky|Plynový vařič|Čelová svítilna|Plechový hrnek|Skládací židle|Pouzdro na mapy|Směs ořechů|Letní klobouk|Stanové kolíky|Vodotěsný vak",
    "da": "Vandrestøvler læder|Regnjakke blå|Uldsokker grå|Gasblus lille|Pandelampe stærk|Blikkrus rødt|Klapstol bøg|Kortholder vandtæt|Nøddeblanding pose|Solhat hør|Teltpløkker alu|Pakpose 20 liter",
    "fi": "Vaelluskengät nahkaa|Sadetakki sininen|Villasukat harmaat|Kaasukeitin pieni|Otsalamppu kirkas|Peltimuki punainen|Taittotuoli koivu|Karttakotelo kestävä|Pähkinäsekoitus pussi|Aurinkohattu pellava|Telttakiilat alumiini|Kuivapussi 20 litraa",
}  # fmt: skip
BRANDS = "Nordlicht|Alpina & Sohn|Kestrel|Bergwerk|Oaken|Maré Alta"
CATS = (("Outdoor", "Shoes"), ("Outdoor", "Jackets"), ("Outdoor", "Socks"), ("Kitchen", "Stoves"), ("Kitchen", "Mugs"))
COLOURS = {"en": "red|blue|black", "de": "rot|blau|schwarz", "fr": "rouge|bleu|noir", "es": "rojo|azul|negro", "it": "rosso|blu|nero",
           "nl": "rood|blauw|zwart", "pt": "vermelho|azul|preto", "pl": "czerwony|niebieski|czarny", "sv": "röd|blå|svart",
           "cs": "červená|modrá|černá", "da": "rød|blå|sort", "fi": "punainen|sininen|musta"}  # fmt: skip


def ean(number: int, start: str = "40123") -> str:
    digits = f"{start}{number:0{12 - len(start)}d}"
    total = sum(int(sign) * (3 if place % 2 else 1) for place, sign in enumerate(digits))
    return digits + str((10 - total % 10) % 10)


class Row:
    """``p`` product, ``v`` variant of it, ``n`` row of the file, all from 0."""

    def __init__(self, p: int, v: int, n: int, lang: str) -> None:
        self.p, self.v, self.n, self.lang = p, v, n, lang

    def title(self) -> str:
        things = THINGS[self.lang].split("|")
        return things[self.p % len(things)] + (f" {self.p // len(things) + 1}" if self.p >= len(things) else "")


def amount(row: Row, style: str, factor: float = 1.0, per_variant: bool = True) -> str:
    cents = round((995 + 731 * row.p % 19000 + (100 * row.v if per_variant else 0)) * factor)
    whole, rest = divmod(cents, 100)
    if style == "comma":
        return f"{whole},{rest:02d}"
    if style == "thousand":
        return f"{whole // 1000}.{whole % 1000:03d},{rest:02d}" if whole >= 1000 else f"{whole},{rest:02d}"
    if style == "int":
        return str(whole + 1)
    if style == "cents":
        return str(cents)
    if style.startswith("sign"):
        return f"{whole},{rest:02d} {style[4:]}"
    if style.startswith("front"):
        return f"{style[5:]}{whole}.{rest:02d}"
    return f"{whole}.{rest:02d}"


def value(kind: str, row: Row) -> str:
    """The cell of a kind. A kind is a word and parameters behind colons."""
    word, _, rest = kind.partition(":")
    p, v, n = row.p, row.v, row.n
    if word == "sku":
        return f"{rest or 'A'}{1000 + 7 * n}"
    if word == "num":
        return str(int(rest or 10000) + 3 * n)
    if word == "group":
        return f"{rest or 'M'}-{100 + p}"
    if word == "gnum":
        return str(int(rest or 500) + p)
    if word == "parent":  # of rows that are variants
        return f"{rest}-{100 + p}" if v else ""
    if word == "famsku":
        return f"{rest}-{100 + p}" if not v else f"{rest}-{100 + p}-{v}"
    if word == "title":
        return row.title()
    if word == "vtitle":
        return f"{row.title()} {value('colour', row)}"
    if word == "text":
        return f"{row.title()}. " + {
            "de": "Für lange Touren bei jedem Wetter gemacht, leicht und fest.",
            "fr": "Pour les longues sorties, léger et solide par tous les temps.",
        }.get(row.lang, "Made for long days outside, light and strong in any weather.")
    if word == "short":
        return f"{row.title()}: light, strong, dry"
    if word == "html":
        return f"<p>{row.title()}</p><ul><li>light</li><li>strong No. {p + 1}</li></ul>"
    if word == "brand":
        return BRANDS.split("|")[p % 6]
    if word == "price":
        style, _, factor = rest.partition("*")
        return amount(row, style or "dot", float(factor or 1))
    if word == "sale":
        style, _, every = rest.partition("*")
        return amount(row, style or "dot", 0.8) if p % int(every or 3) == 0 else ""
    if word == "ean":
        return ean(17 * n + 3, rest or "40123")
    if word == "upc":
        return ean(23 * n + 5, "0712")[1:]
    if word == "cat":
        return (rest or " > ").join(CATS[p % 5])
    if word == "cat1":
        return CATS[p % 5][0]
    if word == "cat2":
        return CATS[p % 5][1]
    if word == "catid":
        return str(1200 + p % 5)
    if word == "url":
        return f"https://shop.{rest or 'example'}.example/p/{1000 + p}"
    if word == "img":
        return f"https://cdn.{rest or 'shop'}.example/pics/{p:04d}.jpg"
    if word == "img2":
        return f"https://cdn.shop.example/pics/{p:04d}_{rest}.jpg" if p % 3 else ""
    if word == "imgs":
        return rest.join(f"https://cdn.shop.example/pics/{p:04d}_{k}.jpg" for k in range(1 + p % 3))
    if word == "file":
        return f"{rest}{1000 + p}.jpg"
    if word == "int":
        low, _, high = (rest or "0-90").partition("-")
        return str(int(low) + (37 * n + 11) % (int(high) - int(low) + 1))
    if word == "dec":
        mark, _, most = rest.partition("*")
        return f"{(n * 7 + 3) % int(most or 9)}{mark or '.'}{(n * 31 + 5) % 90 + 5:02d}"
    if word == "unitdec":
        return f"{(n * 7 + 3) % 9}.{(n * 31 + 5) % 9 + 1} {rest}"
    if word == "date":
        return f"202{n % 5}-0{1 + n % 9}-1{n % 10}"
    if word == "ddate":
        return f"1{n % 10}.0{1 + n % 9}.202{n % 5}"
    if word == "pick":
        words = rest.split("|")
        return words[n % len(words)]
    if word == "ppick":
        words = rest.split("|")
        return words[p % len(words)]
    if word == "const":
        return rest
    if word == "some":
        inner, _, every = rest.partition("*")
        return value(inner, row) if n % int(every or 3) == 0 else ""
    if word == "size":
        return (rest or "S|M|L|XL").split("|")[v % len((rest or "S|M|L|XL").split("|"))]
    if word == "colour":
        return COLOURS[row.lang].split("|")[(v if rest != "p" else p) % 3]
    if word == "tags":
        return (rest or ", ").join(("outdoor", "new", "summer", "sale")[k] for k in range(p % 4 + 1))
    if word == "slug":
        return f"item-{p}-" + "".join(s for s in row.title().lower().replace(" ", "-") if s.isascii())
    if word == "first":  # filled in a product's first row only
        return value(rest, row) if not v else ""
    if word == "blank":
        return ""
    raise ValueError(kind)


class Table:
    """A table of products. ``per``: rows a product."""

    def __init__(self, name: str, lang: str, columns: str, *, delimiter: str = ",", rows: int = 14, per: int = 1,
                 encoding: str = "utf-8", above: tuple[str, ...] = (), header: bool = True) -> None:  # fmt: skip
        self.name, self.lang, self.delimiter, self.rows, self.per = name, lang, delimiter, rows, per
        self.encoding, self.above, self.header = encoding, above, header
        self.columns = [tuple(part.strip() for part in line.split("@")) for line in columns.strip().splitlines()]

    def records(self) -> Iterator[Row]:
        for p in range(self.rows):
            for v in range(self.per):
                yield Row(p, v, p * self.per + v, self.lang)

    def labels(self) -> dict[str, str]:
        return {
            (name if self.header else f"column {place}"): label
            for place, (name, label, _) in enumerate(self.columns, 1)
        }

    def content(self) -> bytes:
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, delimiter=self.delimiter, lineterminator="\n")
        for line in self.above:
            stream.write(line + "\n")
        if self.header:
            writer.writerow([name for name, _, _ in self.columns])
        for row in self.records():
            writer.writerow([value(kind, row) for _, _, kind in self.columns])
        return stream.getvalue().encode(self.encoding)


class Documents:
    """A list of documents, as JSON or JSON Lines."""

    def __init__(
        self, name: str, lang: str, labels: str, make: Callable[[Row], Any], *, rows: int = 12, wrap: str = ""
    ) -> None:
        self.name, self.lang, self.make, self.rows, self.wrap = name, lang, make, rows, wrap
        self._labels = dict(tuple(part.strip() for part in line.split("@")) for line in labels.strip().splitlines())

    def labels(self) -> dict[str, str]:
        return self._labels

    def content(self) -> bytes:
        items = [self.make(Row(p, 0, p, self.lang)) for p in range(self.rows)]
        if self.name.endswith("l"):
            return "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode()
        return json.dumps({self.wrap: items} if self.wrap else items, ensure_ascii=False, indent=1).encode()


def main() -> None:
    from catalogue import FILES_TO_WRITE

    FILES.mkdir(exist_ok=True)
    lines = ["# Column -> canonical field. Written by make_files.py from catalogue.py; see there what the words mean."]
    for one in FILES_TO_WRITE:
        (FILES / one.name).write_bytes(one.content())
        lines.append(f"{one.name}:")
        lines += [
            f"  {json.dumps(column, ensure_ascii=False)}: {json.dumps(label)}" for column, label in one.labels().items()
        ]
    (FILES / "labels.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
