#!/bin/bash
# The pager takes a priority too.
cd "${APP_DIR:-/app}" || exit 1
sed -i 's/notify(user, "Your order left.", True)/notify(user, "Your order left.", priority="high")/' desk/orders.py
sed -i 's/notify(user, "Welcome.", False)/notify(user, "Welcome.")/' desk/members.py
sed -i 's/mail.notify(name, text, urgent=True)/mail.notify(name, text, priority="high")/' desk/alarm.py
sed -i 's/notify(user, line, False)/notify(user, line)/' desk/digest.py
sed -i 's/text, urgent)/text, priority="normal")/; s/(user, text, urgent))/(user, text, priority))/' desk/pager.py
sed -i 's/pager.notify(name, text, True)/pager.notify(name, text, priority="high")/' desk/alarm.py
