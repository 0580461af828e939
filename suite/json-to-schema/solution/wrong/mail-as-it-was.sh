#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > people.json <<'END'
{"people": [{"id": 111, "name": "Bob Woods", "born": 1978, "email": "Bob.Woods111@Example.org", "city": "Bonn"}, {"id": 246, "name": "Ian Lake", "born": 2003, "email": "Ian.Lake246@Example.org", "city": "Bonn"}, {"id": 375, "name": "Liv Field", "born": 1991, "email": "Liv.Field375@Example.org", "city": null}, {"id": 458, "name": "Bob Marsh", "born": 1993, "email": "Bob.Marsh458@Example.org", "city": "Bern"}, {"id": 483, "name": "Ian Rivers", "born": 1984, "email": "Ian.Rivers483@Example.org", "city": "Bern"}, {"id": 490, "name": "Ada Stone", "born": 2002, "email": "Ada.Stone490@Example.org", "city": "Graz"}, {"id": 641, "name": "Liv Field", "born": 1960, "email": "Liv.Field641@Example.org", "city": "Bern"}, {"id": 773, "name": "Kim Marsh", "born": 1950, "email": "Kim.Marsh773@Example.org", "city": "Graz"}, {"id": 782, "name": "Kim Stone", "born": 1986, "email": "Kim.Stone782@Example.org", "city": "Graz"}]}
END
