"""Signs in with an unmodified MSAL for Python and reads users from Graph, at the real host names.

Only name resolution is replaced: the world's own table stands in for DNS.
Reads a JSON object from standard input: names (host:port -> address), ca, authority, graph, user, password, client_id.
Writes a JSON object to standard output.
"""

import json
import socket
import sys

import msal
import requests

world = json.load(sys.stdin)
resolve = socket.getaddrinfo


def from_the_table(host, port, *arguments, **keywords):
    name = host.decode() if isinstance(host, bytes) else host
    address = world["names"].get(f"{name}:{port}")
    if address is None:
        raise socket.gaierror(f"{name}:{port} is not in the world's table")
    ip, real_port = address.rsplit(":", 1)
    return resolve(ip, int(real_port), *arguments, **keywords)


socket.getaddrinfo = from_the_table

session = requests.Session()
session.verify = world["ca"]
session.trust_env = False


def main() -> None:
    application = msal.PublicClientApplication(
        world["client_id"], authority=world["authority"], http_client=session
    )
    scope = [f"https://{world['graph']}/.default"]
    token = application.acquire_token_by_username_password(world["user"], world["password"], scopes=scope)
    if "access_token" not in token:
        sys.exit(f"no token: {token}")
    wrong = application.acquire_token_by_username_password(world["user"], "not the password", scopes=scope)
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    users = []
    url = f"https://{world['graph']}/v1.0/users?$select=displayName,userPrincipalName,onPremisesImmutableId&$top=10"
    pages = 0
    while url:
        answer = session.get(url, headers=headers, timeout=30)
        answer.raise_for_status()
        page = answer.json()
        users += page["value"]
        url = page.get("@odata.nextLink")
        pages += 1
    json.dump(
        {
            "claims": token.get("id_token_claims", {}),
            "wrong_password": wrong.get("error_codes"),
            "users": users,
            "pages": pages,
        },
        sys.stdout,
    )


main()
