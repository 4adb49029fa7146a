"""Where the rules come from, as they name it."""

from __future__ import annotations

__all__ = ["CORE_LIMITS", "CORE_OPTIONS", "CORE_PRICES", "CORE_VARIANTS", "OURS", "PAGE", "SIBLING"]

PAGE = 'PrintXpand Custom API for Magento 2, "Simple: Multiple Products"'
SIBLING = "PrintXpand Custom API for Magento 2, chapter Customer (same envelope)"
CORE_PRICES = (
    "magento/magento2 2.4.6-p1, Catalog: Model/Product/Price/Validation/TierPriceValidator.php, "
    "Model/Product/Attribute/Backend, Model/Product/Type/Price.php"
)
CORE_OPTIONS = (
    "magento/magento2 2.4.6-p1, Catalog: Model/Product/Option.php, Model/Product/Option/Validator, "
    "etc/product_options.xml"
)
CORE_VARIANTS = "magento/magento2 2.4.6-p1, ConfigurableProduct: Model/Plugin/ProductRepositorySave.php"
CORE_LIMITS = "magento/magento2 2.4.6-p1, Catalog: etc/db_schema.xml"
OURS = "feedbridge's choice where the vendor's page says nothing"
