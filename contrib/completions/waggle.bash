# bash completion for waggle(1). A test compares its words with the program's table of commands.
# Types and instances are asked for, from the server that the line or the environment names; as
# they are strangers' text, they are never given to `compgen -W`, which expands its words.

_waggle_commands='browse resolve register status help version'
_waggle_options='-s --server -z --zone -k --key -c --control --json --timeout --no-snapshot
	-h --help -V --version'
_waggle_register_options='-f --file --host --address --priority --weight --subtype --lease --ttl
	--dry-run --quiet --'
# Options with a value behind them.
_waggle_values=' -s --server -z --zone -k --key -c --control --timeout -f --file --host --address
	--priority --weight --subtype --lease --ttl '

# What a server says, one a line. `words` and `cur` are the caller's.
_waggle_ask()
{
	local where=() i
	for ((i = 1; i + 1 < ${#words[@]}; i++)); do
		case ${words[i]} in
		-s | --server | -z | --zone)
			where+=("${words[i]}" "${words[i + 1]}")
			;;
		esac
	done
	"${words[0]}" --timeout 1 --no-snapshot "${where[@]}" browse "$@" 2>/dev/null | cut -f 1
}

# Types, and where an instance's name has begun, those of each type.
_waggle_names()
{
	local type
	while read -r type; do
		printf '%s\n' "$type"
		if [[ $1 == instances && -n $cur && $cur != _* ]]; then
			_waggle_ask "$type" </dev/null | sed "s/\\\\/&&/g; s/\\./\\\\./g; s/\$/.$type/"
		fi
	done < <(_waggle_ask)
}

# Offers the lines of its input that go on from `cur`, quoted for the shell.
_waggle_offer()
{
	local line quoted
	while IFS= read -r line; do
		if [[ $line == "$cur"* ]]; then
			printf -v quoted '%q' "$line"
			COMPREPLY+=("$quoted")
		fi
	done
}

# What stands behind "--" is a command line of its own.
_waggle_command_line()
{
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]] && declare -F _command_offset >/dev/null; then
			_command_offset $((i + 1))
			return
		fi
	done
}

_waggle()
{
	local words cur prev command='' behind=0 i

	# By spaces alone: readline also cuts ADDRESS@PORT apart.
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	if [[ ${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]]; then
		words+=('')
	fi
	cur=${words[-1]}
	prev=${words[-2]}
	COMPREPLY=()
	for ((i = 1; i + 1 < ${#words[@]}; i++)); do
		if [[ ${words[i]} == -- && $command == register ]]; then
			_waggle_command_line
			return
		elif [[ $_waggle_values == *[[:space:]]"${words[i]}"[[:space:]]* ]]; then
			i=$((i + 1))
		elif [[ ${words[i]} != -* ]]; then
			if [[ -z $command ]]; then
				command=${words[i]}
			else
				behind=$((behind + 1))
			fi
		fi
	done

	case $prev in
	-k | --key | -c | --control | -f | --file)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames 2>/dev/null
		return
		;;
	esac
	if [[ $_waggle_values == *[[:space:]]"$prev"[[:space:]]* ]]; then
		return
	fi
	if [[ $cur == -* && $command == register ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$_waggle_options $_waggle_register_options" -- "$cur")
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$_waggle_options" -- "$cur")
		return
	fi
	case $command:$behind in
	:0 | help:0)
		mapfile -t COMPREPLY < <(compgen -W "$_waggle_commands" -- "$cur")
		;;
	resolve:0)
		_waggle_offer < <(_waggle_names instances)
		;;
	browse:0 | register:1)
		_waggle_offer < <(_waggle_names)
		;;
	esac
}

complete -F _waggle waggle
