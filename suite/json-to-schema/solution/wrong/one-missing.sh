#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > people.json <<'END'
{"people": [{"id": 111, "name": "Bob Woods", "born": 1978, "email": "bob.woods111@example.org", "city": "Bonn"}, {"id": 246, "name": "Ian Lake", "born": 2003, "email": "ian.lake246@example.org", "city": "Bonn"}, {"id": 375, "name": "Liv Field", "born": 1991, "email": "liv.field375@example.org", "city": null}, {"id": 458, "name": "Bob Marsh", "born": 1993, "email": "bob.marsh458@example.org", "city": "Bern"}, {"id": 483, "name": "Ian Rivers", "born": 1984, "email": "ian.rivers483@example.org", "city": "Bern"}, {"id": 490, "name": "Ada Stone", "born": 2002, "email": "ada.stone490@example.org", "city": "Graz"}, {"id": 641, "name": "Liv Field", "born": 1960, "email": "liv.field641@example.org", "city": "Bern"}, {"id": 773, "name": "Kim Marsh", "born": 1950, "email": "kim.marsh773@example.org", "city": "Graz"}]}
END
