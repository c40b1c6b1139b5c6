/* Registers web-1._http._tcp at port 8080 until Enter is pressed. */
#include <stdio.h>
#include <waggle.h>

static void on_report(struct waggle_registration *registration, const struct waggle_report *report,
		      void *context)
{
	(void)registration;
	(void)context;
	printf("%s %s\n", waggle_state_text(report->state), report->name);
}

int main(void)
{
	struct waggle_service service = WAGGLE_SERVICE_INIT;
	struct waggle_registration *registration;
	struct waggle_error error;
	struct waggle *client;

	service.instance = "web-1";
	service.type = "_http._tcp";
	service.port = 8080;
	if (waggle_open(&client, NULL, &error) != WAGGLE_OK ||
	    waggle_register(client, &service, on_report, NULL, &registration, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	getchar();
	waggle_withdraw(registration, NULL);
	waggle_close(client);
	return 0;
}
