"""How Pulumi writes what JSON can't say, on its wire and in its state files.

An unknown is a fixed string, one for each JSON type; secrets, assets and references are objects with a signature key.
Constants alone, so that a provider may import them at no cost. Source: pulumi/pulumi,
sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig.
"""

from __future__ import annotations

from typing import Final

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
"""The key of an object that is none of the user's; its value is one of those below."""

SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""A text that isn't known yet; the one that providers and programs send, whatever the value's type."""

UNKNOWNS: Final = frozenset(
    {
        UNKNOWN,
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
