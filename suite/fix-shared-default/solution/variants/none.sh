#!/bin/bash
# None stands for nothing given.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/articles=\[\]/articles=None/; s/self.articles = articles$/self.articles = [] if articles is None else articles/' basket/basket.py
python3 -m unittest -q
