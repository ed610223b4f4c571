"""Certificates and keys with A10's own client, acos-client 2.10.0: sent, named by a template, deleted.

usage: acos_tls.py HOST PORT

What the client does by itself is what is of interest: the form in which it sends a file, and how it deletes one.
"""
import acos_lifecycle

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"


def main():
    client = acos_lifecycle.connect("a10")
    certificates, keys = client.file.ssl_cert, client.file.ssl_key
    assert not certificates.exists("web")
    certificates.create(file="web", cert=CERTIFICATE, certificate_type="pem", action="import")
    keys.create(file="web", cert=KEY, action="import")
    assert certificates.exists("web") and keys.exists("web")
    client.slb.template.client_ssl.create("web", cert="web", key="web", passphrase="none")
    acos_lifecycle.refused(Exception, certificates.delete, cert_name="web", private_key="web")
    client.slb.template.client_ssl.delete("web")
    certificates.delete(cert_name="web", private_key="web")
    assert not certificates.exists("web") and not keys.exists("web")
    client.session.close()


main()
