# bash completion for waggle(1). A test compares its words with the program's table of commands.
# Types and instances are asked for, from the server that the line or the environment names.

_waggle_commands='browse resolve register status help version'
_waggle_options='-s --server -z --zone -k --key -c --control --json --timeout --no-snapshot
	-h --help -V --version'
_waggle_register_options='-f --file --host --address --priority --weight --subtype --lease --ttl
	--dry-run --quiet'
# Options with a value behind them.
_waggle_values=' -s --server -z --zone -k --key -c --control --timeout -f --file --host --address
	--priority --weight --subtype --lease --ttl '

# What a server says, one a line; words of the line that say where go along.
_waggle_ask()
{
	local where=() i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${words[i]} in
		-s | --server | -z | --zone)
			where+=("${words[i]}" "${words[i + 1]}")
			;;
		esac
	done
	waggle --timeout 1 --no-snapshot "${where[@]}" browse "$@" 2>/dev/null | cut -f 1
}

# Types, and behind "NAME." the instances of all types that begin so.
_waggle_names()
{
	local type
	for type in $(_waggle_ask); do
		printf '%s\n' "$type"
		if [[ $1 == instances && $cur != _* && -n $cur ]]; then
			_waggle_ask "$type" | sed "s/\\\\/&&/g; s/\\./\\\\./g; s/\$/.$type/"
		fi
	done
}

_waggle()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local words=("${COMP_WORDS[@]}") command='' behind=0 i IFS=$' \t\n'

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${words[i]} == -- && $command == register ]]; then
			# The rest is a command line of its own.
			if declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			fi
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
	if [[ $cur == -* ]]; then
		if [[ $command == register ]]; then
			mapfile -t COMPREPLY < <(compgen -W \
				"$_waggle_options $_waggle_register_options --" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W "$_waggle_options" -- "$cur")
		fi
		return
	fi
	IFS=$'\n'
	case $command:$behind in
	:0 | help:0)
		mapfile -t COMPREPLY < <(compgen -W "${_waggle_commands// /$'\n'}" -- "$cur")
		;;
	browse:0)
		mapfile -t COMPREPLY < <(compgen -W "$(_waggle_names)" -- "$cur")
		;;
	resolve:0)
		mapfile -t COMPREPLY < <(compgen -W "$(_waggle_names instances)" -- "$cur")
		;;
	register:1)
		mapfile -t COMPREPLY < <(compgen -W "$(_waggle_names)" -- "$cur")
		;;
	esac
}

complete -F _waggle waggle
