#!/usr/bin/env bash
# Is there a Node.js that can build the console: 20.19 or later?
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
