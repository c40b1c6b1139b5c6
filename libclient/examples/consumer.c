/* Finds one instance of _http._tcp and says where it is; offline too, once it has been found. */
#include <stdio.h>
#include <waggle.h>

int main(void)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct waggle_answer *answer = NULL;
	struct waggle_error error;
	struct waggle *client;
	int ret;

	options.snapshot = "consumer.snapshot";
	if (waggle_open(&client, &options, &error) != WAGGLE_OK) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	ret = waggle_resolve(client, "_http._tcp", 0, &answer, &error);
	if (ret == WAGGLE_OK) {
		const struct waggle_endpoint *chosen = waggle_pick(client, answer);
		char address[WAGGLE_ADDRESS_TEXT] = "nowhere";

		if (chosen != NULL) {
			waggle_address_text(address, &chosen->addresses[0]);
		}
		printf("%s (%s)\n", address, waggle_mark_text(answer->mark));
	} else {
		fprintf(stderr, "%s\n", error.text);
	}
	waggle_answer_free(answer);
	waggle_close(client);
	return ret == WAGGLE_OK ? 0 : 1;
}
