"""Calls of the interface, as the page makes them."""

import json
import secrets


def key() -> str:
    return secrets.token_hex(8)


def offers(client, n=4, **params):
    response = client.get("/api/next", params={"n": n, **params})
    assert response.status_code == 200, response.text
    return response.json()["offers"]


def decision(offer, kind="label", label=1, **more):
    fields = ("item", "stream", "ranking", "acquisition", "score", "predicted", "confidence")
    body = {name: offer[name] for name in fields} | {"key": key(), "kind": kind}
    return body | ({"label": label} if kind == "label" else {}) | more


def post(client, *decisions, status=200):
    body = json.dumps({"decisions": list(decisions)})
    headers = {"content-type": "application/json"}
    response = client.post("/api/decisions", content=body, headers=headers)
    assert response.status_code == status, response.text
    return response.json()
