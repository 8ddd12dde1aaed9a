"""Reads the embedded directory's changes with python3-ldap3's DirSync, as any administrator's script would.

Reads a JSON object from standard input: host, port, ca, user, password, base, change_dn.
Writes a JSON object to standard output: initial and delta, each a map from DN to attributes, and initial_pages.
"""

import json
import ssl
import sys

import ldap3


def values_of(entry) -> dict:
    """The attributes that the server sent, one value each; ldap3 fills in the others as empty."""
    sent = ((name, value) for name, value in entry["attributes"].items() if value != [])
    return {name: str(value[0] if isinstance(value, list) else value) for name, value in sent}


def main() -> None:
    world = json.load(sys.stdin)
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=world["ca"])
    server = ldap3.Server(world["host"], port=world["port"], use_ssl=True, tls=tls, get_info=ldap3.ALL)
    connection = ldap3.Connection(
        server, user=world["user"], password=world["password"], authentication=ldap3.SIMPLE, raise_exceptions=True
    )
    connection.bind()
    dir_sync = connection.extend.microsoft.dir_sync(
        world["base"],
        sync_filter="(objectCategory=person)",
        attributes=["sAMAccountName", "displayName", "objectGUID"],
        object_security=False,
        incremental_values=True,
        max_length=4096,
    )

    def page_through():
        found = {}
        pages = 0
        while True:
            pages += 1
            for entry in dir_sync.loop():
                if entry.get("type") != "searchResEntry":
                    continue
                found[entry["dn"]] = values_of(entry)
            if not dir_sync.more_results:
                return found, pages

    initial, initial_pages = page_through()
    connection.modify(world["change_dn"], {"displayName": [(ldap3.MODIFY_REPLACE, ["Changed by ldap3"])]})
    delta, _ = page_through()
    json.dump(
        {
            "initial": initial,
            "initial_pages": initial_pages,
            "delta": delta,
        },
        sys.stdout,
    )


main()
