"""What is in the labelled files: name, language, and a line a column (header @ label @ kind of value)."""

# ruff: noqa: E501 - tables of words are easier to read in long lines
from __future__ import annotations

from make_files import Documents, Row, Table, ean

T = Table
FILES_TO_WRITE = [
    T("de-erp-shortcodes.csv", "de", """
ARTNR @ sku @ num:40010
BEZ1 @ title @ title
BEZ2 @ - @ short
WGR @ categories @ ppick:Schuhe|Jacken|Küche
VKBR @ price @ price:comma
VKNE @ price? @ price:comma*0.84
EKNE @ cost @ price:comma*0.5
MWSTKZ @ - @ const:1
BESTD @ stock @ int
EANNR @ gtin @ ean
GEW @ weight_grams @ dec:,
LIEFNR @ - @ pick:70012|70034
RABGR @ - @ pick:A|B
ME @ - @ const:Stk
""", delimiter=";", encoding="cp1252"),
    T("de-grosshandel-preisliste.csv", "de", """
Art.-Nr. @ sku @ sku:GH
Bezeichnung @ title @ title
Langtext @ description @ text
EAN @ gtin @ ean
VPE @ - @ pick:1|6|12
Preis @ price @ price:comma
UVP @ compare_at_price @ price:comma*1.5
Preisgruppe @ - @ pick:P1|P2|P3
Mindestbestellmenge @ quantity_min @ pick:1|6|12
Liefertermin @ - @ ddate
Ursprungsland @ - @ pick:DE|CN
Zolltarifnummer @ - @ pick:64039993|62019300
Warengruppe @ categories @ cat: > 
""", delimiter=";", above=("Preisliste Großhandel Herbst;;;;;;;;;;;;", ";;;;;;;;;;;;")),
    T("de-shop-varianten.csv", "de", """
Modell @ group_key @ group:MOD
Artikelnummer @ sku @ sku:V
Produktname @ title @ title
Beschreibung @ description @ html
Größe @ options @ size
Farbe @ options @ colour
Verkaufspreis (EUR) @ price @ price:comma
Streichpreis (EUR) @ compare_at_price @ sale:comma
Bestand @ stock @ int
Marke @ brand @ brand
Bild 1 @ images @ img
Bild 2 @ images @ img2:b
Gewicht (g) @ weight_grams @ int:80-900
Aktiv @ status @ const:ja
""", delimiter=";", per=3, rows=8),
    T("de-onlineshop.csv", "de", """
Produkt-ID @ sku? @ num:1
SKU @ sku @ sku:ON-
Titel @ title @ title
Kurzbeschreibung @ short_description @ short
Beschreibung @ description @ html
Hersteller @ brand @ brand
Herstellernummer @ mpn @ sku:HN
Bruttopreis @ price @ price:comma
Sonderpreis @ sale_price @ sale:comma
Steuersatz @ - @ const:19
Lagerbestand @ stock @ int
Lieferzeit @ - @ pick:1-3 Tage|2 Wochen
Kategoriepfad @ categories @ cat: > 
Schlagworte @ tags @ tags
Hauptbild @ images @ img
Weitere Bilder @ images @ imgs:|
Meta-Titel @ seo_title @ title
Meta-Beschreibung @ seo_description @ text
""", delimiter=";"),
    T("de-buchhandel.csv", "de", """
ISBN @ gtin @ ean:97831
Bestellnr @ sku @ num:5500
Titel @ title @ title
Untertitel @ short_description @ short
Verlag @ brand @ ppick:Uferverlag|Verlag am Tor|Buchhaus
Ladenpreis @ price @ price:comma
Seitenzahl @ - @ int:80-600
Erscheinungsdatum @ - @ ddate
Warengruppe @ categories @ ppick:Roman|Sachbuch|Kinderbuch
Klappentext @ description? @ text
Cover @ images @ img
""", delimiter="\t"),
    T("de-sap-material.csv", "de", """
MATNR @ sku @ num:1000200
MAKTX @ title @ title
MATKL @ categories? @ pick:0010|0020
EAN11 @ gtin @ ean
BRGEW @ weight_grams @ dec:,
GEWEI @ - @ const:KG
MEINS @ - @ const:ST
KBETR @ price @ price:comma
KONWA @ currency @ const:EUR
LABST @ stock @ int
ERSDA @ - @ date
SPART @ - @ pick:01|02
""", delimiter=";"),
    T("en-us-retailer.csv", "en", """
Item # @ sku @ sku:RT
Description @ title|description @ title
UPC @ gtin @ upc
Unit Cost @ cost @ price:front$*0.5
MSRP @ compare_at_price @ price:front$*1.2
Sell Price @ price @ price:front$
Qty On Hand @ stock @ int
Dept @ categories? @ ppick:Shoes|Outerwear|Kitchen
Vendor Item No @ - @ sku:VX
Reorder Point @ - @ int:1-9
Last Sold @ - @ date
"""),
    T("en-variants-parent.csv", "en", """
Parent SKU @ group_key @ parent:OAK
SKU @ sku @ famsku:OAK
Product Name @ title @ title
Description @ description @ text
Size @ options @ size
Colour @ options @ colour
Price @ price @ price
RRP @ compare_at_price @ price:dot*1.3
Stock Level @ stock @ int
Barcode @ gtin @ ean
Image URL @ images @ img
""", per=3, rows=7),
    T("en-handle-images.csv", "en", """
Handle @ group_key @ group:hd
Title @ title @ first:title
Body @ description @ first:html
SKU @ sku @ sku:H
Size @ options @ size
Price @ price @ price
Cost @ cost @ price:dot*0.4
Qty @ stock @ int
Weight (kg) @ weight_grams @ dec:.
Brand @ brand @ first:brand
Image @ images @ img
Image Alt @ - @ title
""", per=3, rows=8),
    T("en-google-feed.tsv", "en", """
g:id @ sku @ sku:G
g:title @ title @ vtitle
g:description @ description @ text
g:link @ url @ url
g:image_link @ images @ img
g:additional_image_link @ images @ imgs:,
g:price @ price @ price:sign
g:sale_price @ sale_price @ blank
g:availability @ - @ pick:in stock|out of stock
g:brand @ brand @ brand
g:gtin @ gtin @ ean
g:mpn @ mpn @ sku:MP
g:condition @ - @ const:new
g:google_product_category @ categories? @ cat: > 
g:product_type @ product_type|categories @ cat: > 
g:shipping_weight @ weight_grams @ unitdec:kg
""".replace("price:sign", "price:dot"), delimiter="\t"),
    T("en-amazon-like.tsv", "en", """
seller-sku @ sku @ sku:AZ
item-name @ title @ title
item-description @ description @ text
price @ price @ price
quantity @ stock @ int
product-id @ gtin|- @ ean
product-id-type @ - @ const:4
item-condition @ - @ const:11
open-date @ - @ date
image-url @ images @ img
fulfillment-channel @ - @ const:DEFAULT
item-note @ - @ blank
""", delimiter="\t"),
    T("en-netsuite.csv", "en", """
Internal ID @ sku? @ num:77
Item Name/Number @ sku @ sku:NS
Display Name @ title @ title
Sales Description @ description? @ text
Base Price @ price @ price
Purchase Price @ cost @ price:dot*0.6
Quantity Available @ stock @ int
Preferred Vendor @ - @ ppick:Acme|Bolt
UPC Code @ gtin @ upc
Item Weight @ weight_grams @ dec:.
Weight Unit @ - @ const:lb
Inactive @ - @ const:No
Manufacturer @ brand @ brand
"""),
    T("en-decoys.csv", "en", """
sku @ sku @ sku:D
old sku @ - @ sku:OLD
supplier sku @ - @ sku:SUP
name @ title @ title
supplier name @ - @ ppick:Acme|Bolt
price group @ - @ pick:A|B|C
price @ price @ price
price date @ - @ date
tax @ - @ const:20
image @ images @ img
image count @ - @ int:1-5
image width @ - @ const:800
category @ categories @ cat2
category id @ - @ catid
stock @ stock @ int
min stock @ - @ int:1-5
delivery date @ - @ date
brand @ brand @ brand
brand id @ - @ catid
weight @ weight_grams @ dec:.
weight unit @ - @ const:kg
""", rows=20),
    T("en-wholesale-fashion.csv", "en", """
Style Code @ group_key @ group:ST
Style Name @ title @ title
Colour Name @ options @ colour
Colour Code @ - @ pick:001|002|003
Size @ options @ size:36|37|38
SKU @ sku @ sku:W
EAN13 @ gtin @ ean
Wholesale Price GBP @ cost @ price:dot*0.5
RRP GBP @ price|compare_at_price @ price:dot
Composition @ attributes|options|- @ ppick:100% wool|cotton|leather
Country of Origin @ - @ ppick:Portugal|Italy
HS Code @ - @ ppick:64039993|62019300
Season @ - @ const:AW25
Product Description @ description @ text
Image 1 @ images @ img
Image 2 @ images @ img2:x
""", per=3, rows=7),
    T("en-etsy-like.csv", "en", """
TITLE @ title @ title
DESCRIPTION @ description @ text
PRICE @ price @ price
CURRENCY_CODE @ currency @ const:GBP
QUANTITY @ stock @ int
TAGS @ tags @ tags:,
MATERIALS @ attributes|-|tags @ ppick:wood|tin|wool
IMAGE1 @ images @ img
IMAGE2 @ images @ img2:b
IMAGE3 @ images @ img2:c
SKU @ sku @ sku:ET
"""),
    T("en-multi-currency.csv", "en", """
product_code @ sku @ sku:MC
product_title @ title @ title
price_eur @ price @ price
price_usd @ prices @ price:dot*1.1
price_gbp @ prices @ price:dot*0.9
long_description @ description @ html
category_1 @ categories @ cat1
category_2 @ categories @ cat2
in_stock @ stock @ int
photo @ images @ img
last_modified @ - @ date
"""),
    T("en-headerless.csv", "en", """
c1 @ sku @ sku:HL
c2 @ title @ title
c3 @ price? @ price
c4 @ stock? @ int
c5 @ gtin @ ean
c6 @ images @ img
""", header=False),
    T("en-pos-export.csv", "en", """
ID @ sku? @ num:31
PLU @ sku @ num:7000
Item @ title? @ title
Retail @ price? @ price
Cost ex VAT @ cost @ price:dot*0.5
VAT rate @ - @ const:20
On hand @ stock @ int
Min qty @ quantity_min? @ int:1-3
Supplier @ - @ ppick:Acme|Bolt
Barcode @ gtin @ ean
Notes @ - @ some:short*4
"""),
    T("en-camel.csv", "en", """
itemId @ sku @ num:900
itemTitle @ title @ title
longDescription @ description @ html
brandName @ brand @ brand
unitPrice @ price @ price
priceCurrency @ currency @ const:USD
salePrice @ sale_price @ sale
availableQuantity @ stock @ int
imageUrl @ images @ img
productUrl @ url @ url
categoryPath @ categories @ cat:/
shippingWeightGrams @ weight_grams @ int:100-900
createdAt @ - @ date
isPublished @ status @ const:true
"""),
    T("fr-boutique.csv", "fr", """
Référence @ sku @ sku:FR
Nom du produit @ title @ title
Description courte @ short_description @ short
Description @ description @ html
Marque @ brand @ brand
Catégorie @ categories @ cat: > 
Prix TTC @ price @ price:comma
Prix barré @ compare_at_price @ sale:comma
TVA @ - @ const:20
Quantité en stock @ stock @ int
Poids (kg) @ weight_grams @ dec:,
Code-barres @ gtin @ ean
Image principale @ images @ img
Délai de livraison @ - @ pick:48h|72h
Date de création @ - @ ddate
""", delimiter=";"),
    T("fr-sage.csv", "fr", """
AR_Ref @ sku @ sku:SG
AR_Design @ title @ title
FA_CodeFamille @ categories? @ ppick:CHAUSS|VESTES
AR_PrixVen @ price @ price:comma
AR_PrixAch @ cost @ price:comma*0.5
AR_CodeBarre @ gtin @ ean
AR_PoidsNet @ weight_grams @ dec:,
AS_QteSto @ stock @ int
Fournisseur @ - @ ppick:Acme|Bolt
""", delimiter=";", encoding="cp1252"),
    T("fr-mode-variantes.csv", "fr", """
Référence modèle @ group_key @ group:MD
Référence @ sku @ sku:RV
Libellé @ title @ title
Taille @ options @ size
Couleur @ options @ colour
Prix de vente @ price @ price:sign€
Prix d'achat @ cost @ price:sign€*0.4
EAN @ gtin @ ean
Stock @ stock @ int
Genre @ - @ ppick:homme|femme
Saison @ - @ const:H25
Photo @ images @ img
""", delimiter=";", per=3, rows=7),
    T("fr-marketplace.csv", "fr", """
sku_vendeur @ sku @ sku:MK
titre_produit @ title @ title
descriptif_long @ description @ html
prix_unitaire @ price @ price
prix_promo @ sale_price @ sale
devise @ currency @ const:EUR
quantite_disponible @ stock @ int
marque @ brand @ brand
code_ean @ gtin @ ean
url_image_1 @ images @ img
url_image_2 @ images @ img2:b
frais_de_port @ - @ const:4.90
""", delimiter=";"),
    T("es-tienda.csv", "es", """
Referencia @ sku @ sku:ES
Nombre @ title @ title
Descripción corta @ short_description @ short
Descripción @ description @ html
Precio @ price @ price:comma
Precio oferta @ sale_price @ sale:comma
IVA @ - @ const:21
Existencias @ stock @ int
Categoría @ categories @ cat: > 
Marca @ brand @ brand
Imagen @ images @ img
Peso kg @ weight_grams @ dec:,
Activo @ status @ const:1
Fecha de alta @ - @ ddate
""", delimiter=";"),
    T("es-mayorista.csv", "es", """
CÓDIGO ARTÍCULO @ sku @ num:8000
DENOMINACIÓN @ title @ title
FAMILIA @ categories @ cat1
SUBFAMILIA @ categories @ cat2
PVP @ price @ price:comma
PRECIO COSTE @ cost @ price:comma*0.5
DTO @ - @ pick:5|10
CÓDIGO DE BARRAS @ gtin @ ean
UNIDADES CAJA @ - @ pick:6|12
STOCK @ stock @ int
PROVEEDOR @ - @ ppick:Acme|Bolt
""", delimiter=";", encoding="cp1252"),
    T("es-ropa.csv", "es", """
Ref. padre @ group_key @ group:PD
Ref. @ sku @ sku:RP
Título @ title @ title
Talla @ options @ size
Color @ options @ colour
Precio de venta (€) @ price @ price:comma
Cantidad @ stock @ int
EAN-13 @ gtin @ ean
Foto 1 @ images @ img
Foto 2 @ images @ img2:b
""", delimiter=";", per=2, rows=8),
    T("it-negozio.csv", "it", """
Codice articolo @ sku @ sku:IT
Nome prodotto @ title @ title
Descrizione breve @ short_description @ short
Descrizione estesa @ description @ html
Marca @ brand @ brand
Categoria @ categories @ cat: > 
Prezzo al pubblico @ price @ price:comma
Prezzo scontato @ sale_price @ sale:comma
Aliquota IVA @ - @ const:22
Giacenza @ stock @ int
Peso (g) @ weight_grams @ int:100-900
Codice a barre @ gtin @ ean
Immagine @ images @ img
Codice fornitore @ - @ sku:F
""", delimiter=";"),
    T("it-listino.csv", "it", """
COD @ sku @ num:3300
DESCRIZIONE @ title|description @ title
UM @ - @ const:PZ
LISTINO @ price|compare_at_price @ price:comma
SCONTO @ - @ pick:10|20
NETTO @ price? @ price:comma*0.8
BARCODE @ gtin @ ean
GRUPPO @ categories? @ ppick:SCARPE|GIACCHE
DISPONIBILITA @ stock @ int
""", delimiter=";"),
    T("it-abbigliamento.csv", "it", """
Codice modello @ group_key @ group:CM
SKU @ sku @ sku:AB
Titolo @ title @ title
Taglia @ options @ size
Colore @ options @ colour
Prezzo @ price @ price:comma
Valuta @ currency @ const:EUR
Quantità @ stock @ int
Link immagine @ images @ img
Composizione @ attributes|- @ ppick:lana|cotone
""", delimiter=";", per=3, rows=7),
    T("nl-webwinkel.csv", "nl", """
Artikelnummer @ sku @ num:60100
Productnaam @ title @ title
Korte omschrijving @ short_description @ short
Omschrijving @ description @ html
Merk @ brand @ brand
Categorie @ categories @ cat: > 
Prijs incl. BTW @ price @ price:comma
Inkoopprijs @ cost @ price:comma*0.5
BTW @ - @ const:21
Voorraad @ stock @ int
EAN-code @ gtin @ ean
Gewicht (kg) @ weight_grams @ dec:,
Afbeelding @ images @ img
Levertijd @ - @ pick:1 dag|3 dagen
""", delimiter=";"),
    T("nl-bol-like.csv", "nl", """
Referentie @ sku @ sku:BL
EAN @ gtin @ ean
Titel @ title @ title
Conditie @ - @ const:Nieuw
Aantal @ stock @ int
Verkoopprijs @ price @ price:comma
Adviesprijs @ compare_at_price @ price:comma*1.3
Verzending via @ - @ const:Verkoper
Levertijd @ - @ const:1-2d
Beschrijving @ description @ text
Maat @ attributes @ size
Kleur @ attributes @ colour:p
""", delimiter=";"),
    T("pt-loja.csv", "pt", """
Código do produto @ sku @ sku:PT
Nome do produto @ title @ title
Descrição @ description @ html
Marca @ brand @ brand
Categoria @ categories @ cat: > 
Preço @ price @ price:comma
Preço promocional @ sale_price @ sale:comma
Estoque @ stock @ int
Peso (kg) @ weight_grams @ dec:,
Código de barras @ gtin @ ean
Imagem 1 @ images @ img
Imagem 2 @ images @ img2:b
NCM @ - @ ppick:64039190|62019300
Ativo @ status @ const:sim
""", delimiter=";"),
    T("pt-grosso.tsv", "pt", """
Ref. @ sku @ num:2200
Designação @ title @ title
Família @ categories @ cat1
PVP c/ IVA @ price @ price:comma
Preço de custo @ cost @ price:comma*0.5
Taxa IVA @ - @ const:23
Qtd. @ stock? @ int
Fornecedor @ - @ ppick:Acme|Bolt
""", delimiter="\t"),
    T("pl-sklep.csv", "pl", """
Kod produktu @ sku @ sku:PL
Nazwa @ title @ title
Krótki opis @ short_description @ short
Opis @ description @ html
Producent @ brand @ brand
Kod producenta @ mpn @ sku:KP
Kategoria @ categories @ cat: > 
Cena brutto @ price @ price:comma
Cena promocyjna @ sale_price @ sale:comma
Stawka VAT @ - @ const:23%
Stan magazynowy @ stock @ int
EAN @ gtin @ ean
Waga (kg) @ weight_grams @ dec:,
Zdjęcie @ images @ img
Czas dostawy @ - @ const:24h
""", delimiter=";"),
    T("pl-hurtownia.csv", "pl", """
Indeks @ sku @ num:11000
Nazwa towaru @ title @ title
J.m. @ - @ const:szt
Cena netto @ price @ price:comma
Cena zakupu @ cost @ price:comma*0.6
Waluta @ currency @ const:PLN
Ilość @ stock @ int
Kod kreskowy @ gtin @ ean
Grupa towarowa @ categories @ cat2
Dostawca @ - @ ppick:Acme|Bolt
""", delimiter=";", encoding="cp1250"),
    T("pl-odziez.csv", "pl", """
Kod modelu @ group_key @ group:KM
SKU @ sku @ sku:OD
Nazwa produktu @ title @ title
Rozmiar @ options @ size
Kolor @ options @ colour
Cena @ price @ price:signzł
Stan @ stock @ int
Zdjęcie 1 @ images @ img
Zdjęcie 2 @ images @ img2:b
Płeć @ - @ ppick:K|M
""", delimiter=";", per=3, rows=7),
    T("sv-butik.csv", "sv", """
Artikelnummer @ sku @ num:45000
Benämning @ title @ title
Beskrivning @ description @ html
Varumärke @ brand @ brand
Varugrupp @ categories @ cat2
Pris inkl. moms @ price @ price:comma
Kampanjpris @ sale_price @ sale:comma
Inköpspris @ cost @ price:comma*0.5
Lagersaldo @ stock @ int
Streckkod @ gtin @ ean
Vikt (g) @ weight_grams @ int:100-900
Bildlänk @ images @ img
Leverantör @ - @ ppick:Acme|Bolt
Leveranstid @ - @ const:2-4 dagar
""", delimiter=";"),
    T("sv-klader.csv", "sv", """
Modellnummer @ group_key @ group:MN
Artikelnr @ sku @ sku:KL
Namn @ title @ title
Storlek @ options @ size
Färg @ options @ colour
Pris @ price @ price:signkr
Antal @ stock @ int
EAN-kod @ gtin @ ean
Bild @ images @ img
""", delimiter=";", per=2, rows=8),
    T("cs-eshop.csv", "cs", """
Kód @ sku @ sku:CS
Název @ title @ title
Krátký popis @ short_description @ short
Popis @ description @ html
Výrobce @ brand @ brand
Kategorie @ categories @ cat: > 
Cena s DPH @ price @ price:comma
Běžná cena @ compare_at_price @ price:comma*1.2
DPH @ - @ const:21
Skladem @ stock @ int
EAN @ gtin @ ean
Hmotnost @ weight_grams @ dec:,
Obrázek @ images @ img
Dostupnost @ - @ pick:Skladem|Do týdne
""", delimiter=";", encoding="cp1250"),
    T("cs-velkoobchod.csv", "cs", """
Katalogové číslo @ sku @ num:9100
Název zboží @ title @ title
Skupina @ categories? @ cat2
Nákupní cena @ cost @ price:comma*0.6
Prodejní cena @ price @ price:comma
Měna @ currency @ const:CZK
MJ @ - @ const:ks
Množství @ stock @ int
Čárový kód @ gtin @ ean
Sleva % @ - @ pick:5|10
""", delimiter=";"),
    T("da-netbutik.csv", "da", """
Varenummer @ sku @ num:55000
Varenavn @ title @ title
Beskrivelse @ description @ html
Mærke @ brand @ brand
Kategori @ categories @ cat: > 
Salgspris @ price @ price:comma
Vejl. pris @ compare_at_price @ price:comma*1.2
Kostpris @ cost @ price:comma*0.5
Lagerbeholdning @ stock @ int
Stregkode @ gtin @ ean
Billede @ images @ img
Leveringstid @ - @ const:1-2 dage
""", delimiter=";"),
    T("fi-kauppa.csv", "fi", """
Tuotekoodi @ sku @ num:81000
Tuotenimi @ title @ title
Tuotekuvaus @ description @ html
Valmistaja @ brand @ brand
Tuoteryhmä @ categories @ cat2
Hinta @ price @ price:comma
Tarjoushinta @ sale_price @ sale:comma
Varastosaldo @ stock @ int
Viivakoodi @ gtin @ ean
Paino (kg) @ weight_grams @ dec:,
Kuva @ images @ img
""", delimiter=";"),
    T("pim-locales.csv", "de", """
identifier @ sku @ sku:PIM
family @ - @ ppick:shoes|jackets
name-de_DE @ title @ title
name-en_GB @ translations.en_GB.title @ title
description-de_DE @ description @ html
description-en_GB @ translations.en_GB.description @ html
price-EUR @ price @ price
price-CHF @ prices @ price:dot*1.1
ean @ gtin @ ean
categories @ categories @ ppick:outdoor_shoes|outdoor_jackets
enabled @ status @ const:1
main_image @ images @ file:media/
""", delimiter=";"),
    T("pim-codes.csv", "en", """
product.code @ sku @ sku:PC
product.name.en @ title @ title
attr:long_copy @ description @ html
attr:short_copy @ short_description @ short
attr:brand_name @ brand @ brand
attr:ean_code @ gtin @ ean
attr:list_price_usd @ price @ price
media:packshot_url @ images @ img
meta:last_update @ - @ date
attr:care_instructions @ - @ ppick:wash cold|wipe
""", delimiter="|"),
    T("en-food-supplier.csv", "en", """
Case Code @ - @ sku:CC
Product Code @ sku @ num:6100
Product Description @ title|description @ title
Pack Size @ - @ pick:6 x 200g|12 x 1L
Trade Price @ price|cost @ price
RSP @ compare_at_price? @ price:dot*1.6
VAT Code @ - @ pick:Z|S
Outer Barcode @ - @ ean:50123
Inner EAN @ gtin|- @ ean:50456
Shelf Life Days @ - @ int:30-300
Allergens @ - @ ppick:nuts|milk
Brand @ brand @ brand
"""),
    T("de-filldown.csv", "de", """
Artikel-Gruppe Nr. @ group_key? @ first:group:AG
Bezeichnung @ title @ first:title
Beschreibung @ description @ first:text
Artikel-Nr. @ sku @ sku:FD
Größe @ options? @ size
VK @ price @ price:comma
Bestand @ stock @ int
""", delimiter=";", per=3, rows=7),
    T("en-auction.csv", "en", """
Lot number @ sku? @ num:1
Item reference @ sku @ sku:AU
Heading @ title @ title
Full description @ description @ text
Artist @ brand? @ brand
Estimate low @ - @ price:int
Estimate high @ - @ price:int*1.5
Starting price @ price? @ price:int*0.8
Photo filename @ images @ file:lot_
Height cm @ height_mm @ dec:.
Width cm @ width_mm @ dec:.
"""),
]

FILES_TO_WRITE += [
    T("hard-de-lieferant.csv", "de", """
Pos. @ - @ num:1
Art.Nr.Hersteller @ mpn @ sku:HX
Unsere Art.Nr. @ sku @ num:88000
Artikelbezeichnung lang @ title|description @ title
EVK inkl. MwSt. @ price @ price:comma
HEK @ cost @ price:comma*0.6
GTIN/EAN @ gtin @ ean
Inhalt/VPE @ - @ pick:6|12
Verf. Bestand @ stock @ int
Produktlink @ url @ url
Bild-URL 1 @ images @ img
Bild-URL 2 @ images @ img2:b
Warengruppe Text @ categories @ cat2
""", delimiter=";"),
    T("hard-en-abbrev.csv", "en", """
ITM_CD @ sku @ sku:AB
ITM_DESC @ title|description @ title
LNG_DESC @ description @ text
UPC_CD @ gtin @ upc
SLS_PRC @ price @ price
CST_PRC @ cost @ price:dot*0.5
QTY_AVL @ stock @ int
MFG_NM @ brand @ brand
WT_LBS @ weight_grams @ dec:.
CTGY_NM @ categories @ cat2
DEL_FLG @ - @ const:N
UPD_DT @ - @ date
"""),
    T("hard-en-magazine.csv", "en", """
Product ID (internal) @ sku? @ num:5
Our SKU/Style @ sku @ sku:MG
What is it called? @ title? @ title
Tell us about it @ description? @ text
How much (GBP) @ price? @ price
Photo link @ images @ img
In stock? @ - @ pick:Yes|No
How many have you got @ stock? @ int
Who makes it @ brand? @ brand
""" ),
    T("hard-nl-export.csv", "nl", """
intern_nr @ sku? @ num:11
artikelcode_leverancier @ - @ sku:LV
artikelcode @ sku @ sku:NL
omschrijving_nl @ title|description @ title
omschrijving_fr @ translations.fr.title|translations.fr.description|- @ title
vkp_incl @ price @ price:comma
ink_prijs @ cost @ price:comma*0.5
vrd @ stock @ int
ean13 @ gtin @ ean
gewicht_gram @ weight_grams @ int:100-900
foto1 @ images @ img
foto2 @ images @ img2:b
hoofdgroep @ categories @ cat1
subgroep @ categories @ cat2
""", delimiter=";"),
    T("hard-fr-erp.csv", "fr", """
CODE_ART @ sku @ num:3100
LIB_ART @ title @ title
LIB_LONG @ description @ text
PV_TTC @ price @ price:comma
PA_HT @ cost @ price:comma*0.5
TX_TVA @ - @ const:20
GENCOD @ gtin @ ean
QTE_STOCK @ stock @ int
CODE_FOURN @ - @ pick:F01|F02
FAMILLE @ categories @ cat1
SS_FAMILLE @ categories @ cat2
DATE_CREA @ - @ ddate
URL_PHOTO @ images @ img
""", delimiter=";", encoding="cp1252"),
    T("hard-en-parent-rows.csv", "en", """
Type @ - @ const:product
Product Ref @ group_key @ group:PR
Variation Ref @ sku @ sku:VR
Web Title @ title @ title
Web Copy @ description @ html
Attribute 1 @ - @ const:Size
Attribute 1 Option @ options? @ size
Now Price @ price|sale_price @ price
Was Price @ compare_at_price|price @ price:dot*1.3
Avail Qty @ stock @ int
Main Pic @ images @ img
Alt Pic 1 @ images @ img2:b
Dispatch Days @ - @ pick:1|2
""", per=3, rows=7),
    T("hard-es-erp.csv", "es", """
CodArt @ sku @ num:9000
DesArt @ title @ title
Fam @ categories? @ ppick:CALZADO|ROPA
PVP1 @ price @ price:comma
PVP2 @ - @ price:comma*0.9
PrCoste @ cost @ price:comma*0.5
CodBarras @ gtin @ ean
StockAct @ stock @ int
StockMin @ - @ int:1-5
UltCompra @ - @ ddate
""", delimiter=";"),
    T("hard-it-gestionale.csv", "it", """
cod_articolo @ sku @ num:700
des_articolo @ title @ title
des_estesa @ description @ text
prz_vendita @ price @ price:comma
prz_acquisto @ cost @ price:comma*0.5
cod_iva @ - @ const:22
qta_giacenza @ stock @ int
barcode @ gtin @ ean
cod_marca @ - @ catid
des_marca @ brand @ brand
path_foto @ images @ file:foto/
""", delimiter=";"),
    T("hard-pl-hurt.csv", "pl", """
Lp. @ - @ num:1
Symbol @ sku @ sku:PLH
Nazwa @ title @ title
Cena katalogowa netto @ price|compare_at_price @ price:comma
Twoja cena netto @ price?|cost @ price:comma*0.8
VAT @ - @ const:23
Dostępna ilość @ stock @ int
EAN13 @ gtin @ ean
Waga [kg] @ weight_grams @ dec:,
Link do zdjęcia @ images @ img
Opis HTML @ description @ html
Marka @ brand @ brand
""", delimiter=";"),
    T("hard-sv-grossist.csv", "sv", """
Art.nr @ sku @ num:120
Lev.art.nr @ - @ sku:LEV
Artikelbenämning @ title @ title
Cirkapris inkl moms @ compare_at_price|price @ price:comma*1.4
Ditt pris exkl moms @ price|cost @ price:comma
Disp. saldo @ stock @ int
EAN @ gtin @ ean
Förp.storlek @ - @ pick:6|12
Huvudgrupp @ categories @ cat1
Undergrupp @ categories @ cat2
Bildadress @ images @ img
""", delimiter=";"),
    T("hard-en-seo-heavy.csv", "en", """
Product URL @ url @ url
Canonical Name @ title @ title
H1 @ - @ title
Meta Title @ seo_title @ title
Meta Description @ seo_description @ text
Product Long Description @ description @ html
Product Sku @ sku @ sku:SEO
List Price ($) @ compare_at_price|price @ price:dot*1.3
Our Price ($) @ price @ price
You Save ($) @ - @ price:dot*0.3
Review Count @ - @ int
Average Rating @ - @ pick:4.5|3.9
Primary Image Link @ images @ img
Secondary Image Links @ images @ imgs:|
Breadcrumbs @ categories @ cat: > 
Availability Status @ - @ pick:In stock|Sold out
Ean/Upc @ gtin @ ean
"""),
    T("hard-en-units.csv", "en", """
StockCode @ sku @ sku:UN
ShortDescription @ title|short_description @ title
ExtendedDescription @ description @ text
PackWeightKG @ weight_grams @ dec:.
PackHeightMM @ height_mm @ int:10-90
PackWidthMM @ width_mm @ int:10-90
PackLengthMM @ length_mm @ int:10-90
SellPriceExVAT @ price @ price
BuyPriceExVAT @ cost @ price:dot*0.5
SupplierCode @ - @ pick:S1|S2
SupplierPartNo @ - @ sku:SP
BinLocation @ - @ pick:A1|B2
FreeStock @ stock @ int
Discontinued @ - @ const:N
"""),
]


def simple(row: Row) -> dict[str, object]:
    return {
        "id": f"J{100 + row.p}", "title": row.title(), "description": f"<p>{row.title()} number {row.p}</p>",
        "brand": {"id": row.p % 3, "name": ["Kestrel", "Oaken", "Nordlicht"][row.p % 3]},
        "price": {"amount": 9.5 + row.p, "currency": "EUR"}, "inventory": {"quantity": row.p * 3 % 17, "warehouse": "W1"},
        "images": [{"url": f"https://cdn.shop.example/{row.p}.jpg", "alt": row.title(), "position": 1}],
        "categories": [["Outdoor", "Shoes"], ["Sale"]][: 1 + row.p % 2], "tags": ["new", "summer"][: row.p % 3], "createdAt": "2024-01-02",
    }  # fmt: skip


def variants(row: Row) -> dict[str, object]:
    return {
        "productCode": f"VP{100 + row.p}", "name": row.title(), "longDescription": f"{row.title()} for days outside, in any kind of weather and wind.",
        "manufacturer": ["Kestrel", "Oaken"][row.p % 2],
        "variants": [
            {"sku": f"VP{100 + row.p}-{size}", "ean": ean(50 * row.p + k), "price": 10 + row.p + k, "stockLevel": k + row.p, "size": size, "colour": ["red", "blue"][k % 2]}
            for k, size in enumerate(("S", "M", "L")[: 1 + row.p % 3])
        ],
        "mainImage": f"https://cdn.shop.example/{row.p}.png", "updated": "2024-05-06",
    }  # fmt: skip


def german(row: Row) -> dict[str, object]:
    return {
        "artikelnummer": str(7000 + row.p), "bezeichnung": row.title(), "texte": {"kurztext": f"{row.title()} kurz gesagt", "langtext": f"<p>{row.title()}, lang und breit beschrieben</p>"},
        "preise": {"verkaufspreis": f"{9 + row.p},95", "einkaufspreis": f"{4 + row.p},50", "waehrung": "EUR"},
        "bestand": row.p * 5 % 23, "hersteller": "Nordlicht", "bilder": [f"https://cdn.shop.example/{row.p}_{k}.jpg" for k in range(1 + row.p % 2)],
        "warengruppe": ["Schuhe", "Jacken"][row.p % 2], "mwst": 19, "lieferant": {"name": "Acme", "artikelnummer": f"AC{row.p}"},
    }  # fmt: skip


def localised(row: Row) -> dict[str, object]:
    return {
        "sku": f"LO{row.p}", "name": {"en": row.title(), "de": f"{row.title()} deutsch"}, "description": {"en": f"{row.title()} is made for long days outside in the wind.", "de": f"{row.title()} ist für lange Tage draußen im Wind gemacht."},
        "gtin": ean(row.p + 300), "pricing": {"gross": 19.9 + row.p, "tax_rate": 20}, "media": [{"src": f"https://cdn.shop.example/{row.p}.webp", "type": "image"}],
        "dimensions": {"weight": {"value": 1.5 + row.p, "unit": "kg"}, "height": 10 + row.p}, "status": ["active", "draft"][row.p % 5 == 4],
    }  # fmt: skip


def children(row: Row) -> dict[str, object]:
    return {
        "handle": f"item-{row.p}-x", "title": row.title(), "body": f"<p>{row.title()}</p>", "vendor": ["Kestrel", "Oaken"][row.p % 2],
        "options": ["Size"],
        "children": [
            {"itemNumber": f"CH{row.p}{k}", "barcode": ean(9 * row.p + k), "attributes": {"Size": size}, "listPrice": f"{20 + row.p}.00", "specialPrice": f"{18 + row.p}.00" if k else None, "weightGrams": 300 + k}
            for k, size in enumerate(("36", "37"))
        ],
        "gallery": [{"href": f"https://cdn.shop.example/{row.p}.jpg"}],
    }  # fmt: skip


def flat_french(row: Row) -> dict[str, object]:
    return {"reference": f"FL{row.p}", "libelle": row.title(), "prixVente": f"{12 + row.p},90", "codeBarre": ean(row.p + 77), "marque": "Kestrel", "lienPhoto": f"https://cdn.shop.example/{row.p}.jpg", "quantite": row.p, "fournisseur": "Acme", "rayon": ["Chaussures", "Vestes"][row.p % 2]}  # fmt: skip


FILES_TO_WRITE += [
    Documents("json-simple.json", "en", """
id @ sku
title @ title
description @ description
brand.id @ -
brand.name @ brand
price.amount @ price
price.currency @ currency
inventory.quantity @ stock
inventory.warehouse @ -
images[].url @ images
images[].alt @ images?
images[].position @ images?
categories @ categories
tags @ tags
createdAt @ -
""", simple, wrap="products"),
    Documents("json-variants.jsonl", "en", """
productCode @ sku
name @ title
longDescription @ description
manufacturer @ brand
variants[].sku @ sku
variants[].ean @ gtin
variants[].price @ price
variants[].stockLevel @ stock
variants[].size @ options
variants[].colour @ options
mainImage @ images
updated @ -
""", variants),
    Documents("json-german.json", "de", """
artikelnummer @ sku
bezeichnung @ title
texte.kurztext @ short_description
texte.langtext @ description
preise.verkaufspreis @ price
preise.einkaufspreis @ cost
preise.waehrung @ currency
bestand @ stock
hersteller @ brand
bilder @ images
warengruppe @ categories
mwst @ -
lieferant.name @ -
lieferant.artikelnummer @ -
""", german),
    Documents("json-localised.jsonl", "en", """
sku @ sku
name.en @ title
name.de @ translations.de.title
description.en @ description
description.de @ translations.de.description
gtin @ gtin
pricing.gross @ price
pricing.tax_rate @ -
media[].src @ images
media[].type @ -
dimensions.weight.value @ weight_grams
dimensions.weight.unit @ -
dimensions.height @ height_mm
status @ status
""", localised),
    Documents("json-children.json", "en", """
handle @ sku
title @ title
body @ description
vendor @ brand
options @ -
children[].itemNumber @ sku
children[].barcode @ gtin
children[].attributes.Size @ options
children[].listPrice @ price|compare_at_price
children[].specialPrice @ sale_price
children[].weightGrams @ weight_grams
gallery[].href @ images
""", children, wrap="items"),
    Documents("json-french.jsonl", "fr", """
reference @ sku
libelle @ title
prixVente @ price
codeBarre @ gtin
marque @ brand
lienPhoto @ images
quantite @ stock
fournisseur @ -
rayon @ categories
""", flat_french),
]
