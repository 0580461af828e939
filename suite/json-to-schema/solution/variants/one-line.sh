#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
cat > people.json <<'END'
{"people": [{"city": "Bonn", "email": "bob.woods111@example.org", "born": 1978, "name": "Bob Woods", "id": 111}, {"city": "Bonn", "email": "ian.lake246@example.org", "born": 2003, "name": "Ian Lake", "id": 246}, {"city": null, "email": "liv.field375@example.org", "born": 1991, "name": "Liv Field", "id": 375}, {"city": "Bern", "email": "bob.marsh458@example.org", "born": 1993, "name": "Bob Marsh", "id": 458}, {"city": "Bern", "email": "ian.rivers483@example.org", "born": 1984, "name": "Ian Rivers", "id": 483}, {"city": "Graz", "email": "ada.stone490@example.org", "born": 2002, "name": "Ada Stone", "id": 490}, {"city": "Bern", "email": "liv.field641@example.org", "born": 1960, "name": "Liv Field", "id": 641}, {"city": "Graz", "email": "kim.marsh773@example.org", "born": 1950, "name": "Kim Marsh", "id": 773}, {"city": "Graz", "email": "kim.stone782@example.org", "born": 1986, "name": "Kim Stone", "id": 782}]}
END
