#!/bin/bash
# What a basket is given is lost.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/self.articles = articles$/self.articles = []/' basket/basket.py
