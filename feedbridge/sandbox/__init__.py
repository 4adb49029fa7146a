"""The sandbox: the three platforms' APIs on this machine, as their pages document them.

It checks what is sent to it with code of its own: nothing here is shared with ``feedbridge.platforms``. Flask is
needed only by ``app`` and ``server`` (``pip install 'feedbridge[sandbox]'``).
"""
