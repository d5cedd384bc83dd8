"""Where a delivery may go: every disguise of a private address, redirects, and a name that changes its mind."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from gateway.webhooks import guard
from gateway.webhooks.guard import TargetRefused, is_public, resolve
from gateway.webhooks.post import Poster
from tests.support.receiver import receiving

PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",  # cloud metadata
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a00:1",
    "2001:db8::1",
    "3fff::1",
    "fec0::1",  # site-local
    "64:ff9b:1::a00:1",  # NAT64 of a network of one's own
    "2001::7f00:1",  # Teredo
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "2606:4700::5efe:a00:1",  # ISATAP of 10.0.0.1
    "2606:4700::200:5efe:a00:1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_disguise_makes_a_private_address_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


# a decimal, an octal and a hexadecimal way to write 127.0.0.1, a short one, and the name
@pytest.mark.parametrize(
    "host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "localhost", "::1", "0", "::", "::ffff:7f00:1"]
)
def test_every_way_to_write_loopback_is_refused(host: str) -> None:
    with pytest.raises(TargetRefused):
        asyncio.run(resolve(host, 80, allow_private=False))
    with receiving() as receiver:

        async def main() -> None:
            poster = Poster(allow_private=False, timeout_s=5)
            shown = f"[{host}]" if ":" in host else host
            answer = await poster.post(f"http://{shown}:{receiver.port}/hook", b"{}", {})
            await poster.close()
            assert answer.status is None
            assert "not public" in answer.error or "Invalid IPv4 address" in answer.error

        asyncio.run(main())
        assert receiver.posts == []


def test_a_name_with_a_private_address_besides_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        def both(host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("8.8.8.8", "10.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", both)
        with pytest.raises(TargetRefused, match="not public"):
            await resolve("two.example", 443, allow_private=False)

    asyncio.run(main())


def test_the_address_that_was_judged_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when asked and private when connected to (DNS rebinding) gains nothing: it is asked once."""
    asked: list[str] = []
    with receiving() as receiver:

        async def main() -> None:
            real = socket.getaddrinfo

            def rebinding(host: Any, port: Any, *which: Any, **options: Any) -> Any:
                if host != "rebinding.example":
                    return real(host, port, *which, **options)
                asked.append(host)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

            monkeypatch.setattr(socket, "getaddrinfo", rebinding)
            monkeypatch.setattr(guard, "is_public", lambda address: True)  # as if the first answer had been public
            poster = Poster(allow_private=False, timeout_s=5)
            answer = await poster.post(f"http://rebinding.example:{receiver.port}/hook", b"{}", {})
            await poster.close()
            assert answer.ok

        asyncio.run(main())
        assert asked == ["rebinding.example"]
        assert receiver.posts[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_a_redirect_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as inner, receiving(lambda _: (307, {"Location": inner.url})) as outer:
        calls: list[str] = []

        def only_the_first(address: str) -> bool:
            calls.append(address)
            return len(calls) == 1

        monkeypatch.setattr(guard, "is_public", only_the_first)

        async def main() -> None:
            poster = Poster(allow_private=False, timeout_s=5)
            answer = await poster.post(outer.url, b"{}", {})
            await poster.close()
            assert "not public" in answer.error

        asyncio.run(main())
        assert len(outer.posts) == 1
        assert inner.posts == []


# names of other hosts in front of what counts, and behind it
@pytest.mark.parametrize(
    "url",
    ["http://example.com@{}/", "http://example.com:80@{}/", "http://{}/#@example.com", "http://{}\\@example.com/"],
)
def test_what_stands_around_the_host_does_not_hide_it(url: str) -> None:
    with receiving() as receiver:

        async def main() -> None:
            poster = Poster(allow_private=False, timeout_s=5)
            answer = await poster.post(url.format(f"127.0.0.1:{receiver.port}"), b"{}", {})
            assert answer.status is None
            await poster.close()

        asyncio.run(main())
        assert receiver.posts == []


@pytest.mark.parametrize(
    ("status", "location", "error"),
    [
        (302, "/elsewhere", "it answered 302"),  # would drop the body
        (308, "file:///etc/passwd", "weaker"),
        (307, "/hook", "redirects"),  # for ever
    ],
)
def test_redirects_that_are_not_followed(status: int, location: str, error: str) -> None:
    with receiving(lambda _: (status, {"Location": location})) as receiver:

        async def main() -> None:
            poster = Poster(allow_private=True, timeout_s=5)
            answer = await poster.post(receiver.url, b"{}", {})
            await poster.close()
            assert not answer.ok
            assert error in answer.error

        asyncio.run(main())


def test_a_receiver_that_says_nothing_costs_its_time_and_no_more() -> None:
    async def main() -> None:
        over = asyncio.Event()

        async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        poster = Poster(allow_private=True, timeout_s=0.1)
        answer = await poster.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
        assert answer.status is None
        assert answer.error
        await poster.close()
        over.set()
        server.close()

    asyncio.run(main())


def test_names_that_nobody_answers_for_keep_only_their_own_receiver_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the internet down: look-ups hang, and what modems and other receivers need goes on."""
    over, real = threading.Event(), socket.getaddrinfo

    def silent(host: Any, port: Any, *which: Any, **options: Any) -> Any:
        if str(host).endswith(".example"):
            over.wait(30)
            raise socket.gaierror("nobody answers")
        return real(host, port, *which, **options)

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    async def main(url: str) -> None:
        away, near = (Poster(allow_private=True, timeout_s=20) for _ in range(2))
        posts = [asyncio.create_task(away.post(f"http://{n}.example/", b"{}", {})) for n in range(100)]
        try:
            async with asyncio.timeout(10):
                assert await asyncio.to_thread(lambda: "a modem's port") == "a modem's port"
                for poster, host in ((near, "localhost"), (near, "127.0.0.1"), (away, "127.0.0.1")):
                    assert (await poster.post(url.replace("127.0.0.1", host), b"{}", {})).ok
        finally:
            over.set()
        assert {(await post).status for post in posts} == {None}
        await asyncio.gather(away.close(), near.close())

    with receiving() as receiver:
        asyncio.run(main(receiver.url))
