"""Page tokens, see core/rpc/page_tokens.py."""

from trackway_server.core.rpc.page_tokens import Place, decode_token, encode_token

__all__ = ["Place", "decode_token", "encode_token"]
