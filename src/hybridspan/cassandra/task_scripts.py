"""The bash that a long nodetool command is started, looked at, ended and put away with, inside the pod.

Each script's first argument is the task's folder; see hybridspan.cassandra.detached for what lies in it.
"""

from __future__ import annotations

from typing import Final

TAIL_LINES: Final = 12
START_SECONDS: Final = 30
"""How long a folder without a process counts as one that is being made."""

WORK: Final = r"""
directory=$1 user=$2
cd "$directory" || exit 70
trap 'rm -f passwords' EXIT
# nodetool waits for notifications, which get lost; by default it asks for a repair's end only every five minutes.
export JAVA_TOOL_OPTIONS="${JAVA_TOOL_OPTIONS:-} -Dcassandra.nodetool.jmx_notification_poll_interval_seconds=3"
echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" >process.new && mv process.new process
while IFS= read -r key && IFS= read -r line; do
  read -ra arguments <<<"$line"
  nodetool -u "$user" -pwf passwords "${arguments[@]}" >>"$key.log" 2>&1 </dev/null
  code=$?
  [ -e "$key.good" ] && code=0
  echo "$code" >"$key.code.new" && mv "$key.code.new" "$key.code"
  [ "$code" = 0 ] || break
done <jobs
touch ended
"""

START: Final = r"""
umask 077
directory=$1 user=$2 work=$3
mkdir -p "${directory%/*}" || exit 73
# Only a folder that is there is another's: a full or read-only /tmp has none either.
mkdir "$directory" 2>/dev/null || { [ -d "$directory" ] && exit 75; } || mkdir "$directory" || exit 73
IFS= read -r password
printf '%s %s\n' "$user" "$password" >"$directory/passwords"
unset password
cat >"$directory/jobs"
printf '%s' "$work" >"$directory/work"
detach=$(command -v setsid || true)
nohup $detach bash "$directory/work" "$directory" "$user" >/dev/null 2>&1 </dev/null &
for _ in $(seq 500); do [ -e "$directory/process" ] && exit 0; sleep 0.05; done
exit 71
"""

# Inside the folder: another run may put it away meanwhile and make one of the same name. Who starts makes the process last.
_PHASE: Final = r"""
cd "$1" 2>/dev/null || { echo absent; exit 0; }
state=dead
[ -e ended ] && state=ended
if [ $state = dead ] && read -r number began 2>/dev/null <process; then
  now=$(cut -d' ' -f22 "/proc/$number/stat" 2>/dev/null)
  [ "$now" = "$began" ] && state=running
  [ -e ended ] && state=ended
elif [ $state = dead ] && [ $(($(date +%s) - $(stat -c %Y .))) -lt SECONDS ]; then
  state=running
fi
""".replace("SECONDS", str(START_SECONDS))

LOOK: Final = r"""
PHASE
made=$(stat -c %Y jobs 2>/dev/null)
echo "$state ${made:+$(($(date +%s) - made))}"
[ -e jobs ] || exit 0
last=
while IFS= read -r key && IFS= read -r line; do
  code=$(cat "$key.code" 2>/dev/null)
  echo "$key ${code:--} $line"
  [ -e "$key.log" ] && last=$key
done <jobs
echo "== $last"
# A stack trace would be all that fits, and says where in nodetool, not what.
[ -z "$last" ] || sed '/^-- StackTrace --/,$d' "$last.log" | tail -n TAIL
""".replace("PHASE", _PHASE).replace("TAIL", str(TAIL_LINES))

# Between the look at one that has ended and this another run may have made its own.
CLEAR: Final = r"""
PHASE
[ $state = running ] || ! [ "$1" -ef . ] || rm -rf -- "$1"
""".replace("PHASE", _PHASE)

# Processes are found in /proc: an image need not have ps or pkill.
TELL: Final = r"""
directory=$1 key=$2 mark=$3 words=$4 good=$5
end_children_of() {
  local status process
  for status in /proc/[0-9]*/status; do
    grep -q "^PPid:[[:space:]]*$1\$" "$status" 2>/dev/null || continue
    process=${status#/proc/} process=${process%/status}
    end_children_of "$process"
    kill "$process" 2>/dev/null
  done
}
grep -qF -- "$mark" "$directory/$key.log" 2>/dev/null && ! [ -e "$directory/$key.code" ] || exit 0
read -r number began <"$directory/process" || exit 0
[ "$(cut -d' ' -f22 "/proc/$number/stat" 2>/dev/null)" = "$began" ] || exit 0
printf '%s\n' "$words" >>"$directory/$key.log"
[ "$good" = 1 ] && touch "$directory/$key.good"
end_children_of "$number"
"""

MARK: Final = "==== log of "
LOGS: Final = f"""
cd "$1" 2>/dev/null || exit 0
shift
cat jobs 2>/dev/null
for key in "$@"; do
  printf '{MARK}%s\\n' "$key"
  cat "$key.log" 2>/dev/null
  echo
done
"""
