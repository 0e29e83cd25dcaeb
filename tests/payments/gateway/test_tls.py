"""Calls over HTTPS: whose certificate is accepted, and that the trusted ones are loaded once."""

import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from payments.gateway import GatewayUnavailable
from payments.gateway.iamport import session
from payments.gateway.iamport.client import IamportGateway
from tests.payments.gateway.raw_server import RawServer, Reply, Request, http, ok
from tests.payments.gateway.samples import cancel_request, cancelled_json, config


def own_certificate(folder: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return own_certificate(tmp_path)


@pytest.fixture
def server(certificate: Path) -> Iterator[RawServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    session._trust.cache_clear()
    with RawServer(answer=lambda _: ok(cancelled_json()), tls=tls).running() as server:
        yield server
    session._trust.cache_clear()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_trusted_certificates_are_loaded_once(
    server: RawServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(certificate))
    gateway = IamportGateway(config(server.url))
    gateway.cancel(cancel_request())
    certificate.unlink()
    gateway.cancel(cancel_request())
    assert len({call.connection for call in server.calls}) == 2


def test_nothing_is_sent_to_a_server_with_an_unknown_certificate(server: RawServer) -> None:
    with pytest.raises(GatewayUnavailable, match="cannot be reached"):
        IamportGateway(config(server.url)).cancel(cancel_request())
    assert server.token_calls == server.calls == []


def test_calls_use_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def refuse(request: Request) -> Reply:
        seen.append(request.path)
        return Reply(http(b"", status="403 Forbidden"), close=True)

    with RawServer(answer=refuse).running() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        with pytest.raises(GatewayUnavailable):
            IamportGateway(config("http://iamport.invalid")).payment("imp_1")
    assert [path.split("?")[0] for path in seen] == ["http://iamport.invalid/users/getToken"]
