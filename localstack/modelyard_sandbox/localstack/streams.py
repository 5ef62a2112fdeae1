"""Inside LocalStack: Firehose reads from a Kinesis stream, without the Java program that LocalStack would fetch."""

# LocalStack lies in an environment of its own, which the type checker doesn't see.
# pyright: reportMissingImports=false

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import ClientError

_POLL: Final = 0.2
"""Seconds between two looks into a stream."""


class Reader(threading.Thread):
    """Hands what arrives in a stream to `receive`, from now until it is stopped."""

    def __init__(self, kinesis: Any, stream: str, receive: Callable[[list[dict[str, Any]]], Any]) -> None:
        super().__init__(name=f"reader of {stream}", daemon=True)
        self._kinesis, self._stream, self._receive = kinesis, stream, receive
        self._ended = threading.Event()
        shards = kinesis.list_shards(StreamName=stream)["Shards"]
        self._places = [self._place(shard["ShardId"]) for shard in shards]

    def _place(self, shard: str) -> str:
        named = {"StreamName": self._stream, "ShardId": shard, "ShardIteratorType": "LATEST"}
        return self._kinesis.get_shard_iterator(**named)["ShardIterator"]

    def run(self) -> None:
        """Look at every shard again and again; a stream that is gone ends it."""
        while not self._ended.wait(_POLL):
            try:
                answers = [self._kinesis.get_records(ShardIterator=place) for place in self._places]
            except ClientError:
                return
            self._places = [answer["NextShardIterator"] for answer in answers if answer.get("NextShardIterator")]
            arrived = [record for answer in answers for record in answer["Records"]]
            if arrived:
                self._receive([{"data": base64.b64encode(record["Data"]).decode()} for record in arrived])

    def stop(self, quiet: bool = False) -> None:
        """Read no more."""
        del quiet
        self._ended.set()


def listen(
    stream_name: str,
    account_id: str,
    region_name: str,
    listener_func: Callable[..., Any],
    ddb_lease_table_suffix: str | None = None,
    wait_until_started: bool = False,
) -> Reader:
    """Read from a stream in the background; the same parameters as LocalStack's function of the same purpose."""
    del ddb_lease_table_suffix, wait_until_started
    from localstack.aws.connect import connect_to

    kinesis = connect_to(aws_access_key_id=account_id, region_name=region_name).kinesis
    reader = Reader(kinesis, stream_name, lambda records: listener_func(records=records))
    reader.start()
    return reader


def install() -> None:
    """Put this reader in the place of LocalStack's."""
    from localstack.utils.kinesis import kinesis_connector

    kinesis_connector.listen_to_kinesis = listen
