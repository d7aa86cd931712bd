import time, json
from tenants import context
from tests import factories
def test_t(api, acme, settings):
    rows=[{"external_id": f"c{n}", "email": f"c{n}@example.test", "first_name":"Ana","last_name":"B","city":"Leeds","country":"GB","timezone":"Europe/London","locale":"en-GB","consent_email":True,"attributes":{"tier":"gold","n":n}} for n in range(1000)]
    for i in range(3):
        t=time.perf_counter(); r=api.post("customers/bulk/", rows); print("bulk", i, round((time.perf_counter()-t)*1000), r.json()["counts"])
    t=time.perf_counter(); r=api.post("customers/bulk/", rows, idempotency_key="x"); print("bulk idem", round((time.perf_counter()-t)*1000))
    t=time.perf_counter(); r=api.post("customers/bulk/", rows, idempotency_key="x"); print("replay", round((time.perf_counter()-t)*1000))
    ev=[{"event_id": f"e{n}", "external_id": f"c{n}", "name":"order","occurred_at":"2026-01-02T10:00:00Z","value":n,"properties":{"a":1}} for n in range(1000)]
    t=time.perf_counter(); r=api.post("events/", {"events":ev}); print("events", round((time.perf_counter()-t)*1000), r.json()["counts"])
    from tenants.parsing import StrictJSONParser
    import io
    raw=json.dumps(rows).encode()
    t=time.perf_counter()
    for _ in range(10): StrictJSONParser().parse(io.BytesIO(raw))
    print("parse", (time.perf_counter()-t)*100, "ms; plain:", end=" ")
    t=time.perf_counter()
    for _ in range(10): json.loads(raw)
    print((time.perf_counter()-t)*100)
    t=time.perf_counter(); r=api.get("schema/"); print("schema", round((time.perf_counter()-t)*1000), len(r.content))
    t=time.perf_counter(); r=api.get("schema/"); print("schema", round((time.perf_counter()-t)*1000))
    t=time.perf_counter(); r=api.get("customers/?limit=1000"); print("list1000", round((time.perf_counter()-t)*1000))
    r=api.get("docs/?script="); print(r["Content-Type"], r.content[:200])
    with context.in_retailer(acme):
        factories.segment("n0", {"attribute":"city","eq":"x"})
    for i in range(1,15):
        t=time.perf_counter(); r=api.post("segments/", {"key":f"n{i}","name":"n","rule":{"any":[{"segment":f"n{i-1}"},{"segment":f"n{i-1}"}]}}); print(i, r.status_code, round((time.perf_counter()-t)*1000))
