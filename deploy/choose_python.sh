#!/bin/sh
# Prints the Python that `make` builds the environment with: the first `python3` of the PATH that can, or one that is a
# fifth faster at least. A Python built without optimisation, as pyenv builds them unless told, takes 1.4 times as long
# for what is plain Python in the product. Nothing it says of its build is a sure sign of that, hence it is measured.

installer=pip
if command -v uv >/dev/null 2>&1 && uv --version >/dev/null 2>&1; then installer=uv; fi

# Is able to hold an environment: then which it is (it may be there by many names), minor version, its name and path.
able='
import os, ssl, sys
if sys.version_info < (3, 11): sys.exit(1)
if "uv" not in sys.argv: import ensurepip, venv
print(os.path.realpath(sys.executable), sys.version_info[1], sys.argv[1], sys.executable, sep="\t")
'
# What a campaign does, text and small objects: the best of three, in microseconds of processor time.
measure='
from time import process_time

class Word:
    def __init__(self, text): self.text = text

def spent():
    begun, counts = process_time(), {}
    for i in range(6000):
        for part in ("a%d b%d=%s" % (i, i % 7, i)).split():
            key, _, value = part.partition("=")
            word = Word(key.upper())
            counts[word.text] = counts.get(word.text, 0) + len(value)
    return process_time() - begun

print(int(1e6 * min(spent() for _ in range(3))))
'

on_path() {
  for name in python3 python3.11 python3.12 python3.13 python3.14; do
    (IFS=:; for folder in $PATH; do [ ! -x "$folder/$name" ] || echo "$folder/$name"; done)
  done
}

candidates=$(on_path | while read -r python; do
  "$python" -I -c "$able" "${python##*/}" $installer </dev/null 2>/dev/null
done | awk -F '\t' '!seen[$1]++ { print $2 "\t" $3 "\t" $4 }')

if [ -z "$candidates" ]; then
  if [ $installer = uv ]; then echo '>=3.11'; exit; fi # it brings one
  echo "No Python 3.11 or newer that can make an environment (with ssl, venv and ensurepip) is on the PATH. Get one" \
    "(apt-get install python3 python3-venv, or brew install python) or name yours: make PYTHON=/path/to/python3" >&2
  exit 1
fi

rounds='1 2 3' # in turns, since a busy machine is slow for moments
[ "$(echo "$candidates" | wc -l)" -gt 1 ] || rounds=1
for round in $rounds; do
  echo "$candidates" | while IFS="$(printf '\t')" read -r minor name python; do
    printf '%s\t%s\t%s\t%s\n' "$("$python" -IS -c "$measure" </dev/null)" "$minor" "$name" "$python"
  done
done | awk -F '\t' '
  !($4 in best) { order[++count] = $4; minor[$4] = $2; name[$4] = $3 }
  !($4 in best) || $1 < best[$4] { best[$4] = $1 + 0 }
  END {
    first = chosen = order[1]
    for (i = 2; i <= count; i++) {
      other = order[i]
      if (best[other] * 1.2 > best[first]) continue
      # Of the faster ones, the fastest of the version that is usual here, if there is one.
      nearer = (minor[other] == minor[first]) - (minor[chosen] == minor[first])
      if (chosen == first || nearer > 0 || (!nearer && best[other] < best[chosen])) chosen = other
    }
    if (chosen != first) why = sprintf("%.1f times as fast as %s", best[first] / best[chosen], first)
    else if (name[first] != "python3") why = "no python3 of the PATH is able to"
    if (why) print "Making the environment with " chosen ": " why "." > "/dev/stderr"
    print chosen
  }'
