#!/bin/bash
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/articles=\[\]/articles=()/; s/self.articles = articles$/self.articles = list(articles)/' basket/basket.py
