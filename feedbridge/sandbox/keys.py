"""Keys of the sandbox. They are published and open nothing: no platform has ever issued them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "FLICKROCKET_APP_SECRET", "FLICKROCKET_CLIENT_ID", "FLICKROCKET_COMPANY_ID", "FLICKROCKET_REFRESH_TOKEN",
    "FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET", "MAGENTO_ACCESS_TOKEN", "MAGENTO_ACCESS_TOKEN_SECRET",
    "MAGENTO_BEARER_TOKEN", "MAGENTO_CONSUMER_KEY", "MAGENTO_CONSUMER_SECRET", "Secrets",
]

FLIPSNACK_API_KEY = "KEY-0001"
FLIPSNACK_API_SECRET = "SECRET-0001"

MAGENTO_CONSUMER_KEY = "sandbox-consumer-key"
MAGENTO_CONSUMER_SECRET = "sandbox-consumer-secret"
MAGENTO_ACCESS_TOKEN = "sandbox-access-token"
MAGENTO_ACCESS_TOKEN_SECRET = "sandbox-access-token-secret"
MAGENTO_BEARER_TOKEN = "sandbox-bearer-token"

FLICKROCKET_CLIENT_ID = "Sandbox.1234567890.apps.flickrocket.com"
FLICKROCKET_APP_SECRET = "sandbox-app-secret"
FLICKROCKET_REFRESH_TOKEN = "sandbox-refresh-token"
"""The first refresh token; good for one exchange, as every one is."""
FLICKROCKET_COMPANY_ID = 1202


@dataclass(frozen=True, repr=False)
class Secrets:
    """The keys a sandbox takes; its own unless told others. No value is in its repr."""

    flipsnack_api_key: str = FLIPSNACK_API_KEY
    flipsnack_api_secret: str = FLIPSNACK_API_SECRET
    magento_consumer_key: str = MAGENTO_CONSUMER_KEY
    magento_consumer_secret: str = MAGENTO_CONSUMER_SECRET
    magento_access_token: str = MAGENTO_ACCESS_TOKEN
    magento_access_token_secret: str = MAGENTO_ACCESS_TOKEN_SECRET
    magento_bearer_token: str = MAGENTO_BEARER_TOKEN
    flickrocket_client_id: str = FLICKROCKET_CLIENT_ID
    flickrocket_app_secret: str = FLICKROCKET_APP_SECRET
    flickrocket_refresh_token: str = FLICKROCKET_REFRESH_TOKEN

    def __repr__(self) -> str:
        return "Secrets(…)"
