#!/bin/sh
set -eu
# Not a template: {{ .package.metadata.name }} stays as it is.
exec lamp --colour "${COLOUR:-white}"	# with a tab
