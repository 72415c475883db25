/** Ways to tell people of alerts outside of the pages. */
export { type MailLetter, type MailOptions, openMail } from './mail.ts';
export { openWebhook, SIGNATURE_HEADER, type WebhookOptions } from './webhook.ts';
