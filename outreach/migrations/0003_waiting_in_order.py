import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('enrichment', '0005_step_figures'),
        ('icp', '0003_lead_by_any_score'),
        ('outreach', '0002_policies'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='message',
            name='message_waiting',
        ),
        migrations.AddField(
            model_name='mailbox',
            name='called_for',
            field=models.DateTimeField(blank=True, editable=False, help_text="When the queue's next task for it is due; see outreach.deliver.", null=True),
        ),
        migrations.AlterField(
            model_name='message',
            name='not_before',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, help_text='The earliest moment; empty: somebody has to see to it first.', null=True),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('status__in', ['QUEUED', 'HELD'])), fields=['mailbox', 'not_before', 'id'], name='message_waiting_at_mailbox'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('mailbox', None), ('status__in', ['QUEUED', 'HELD'])), fields=['step', 'not_before', 'id'], name='message_waiting_for_any'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['mailbox', '-asked_at'], name='message_by_mailbox_asked'),
        ),
        migrations.RunSQL(
            "UPDATE outreach_message SET not_before = created_at"
            " WHERE status = 'QUEUED' AND not_before IS NULL",
            migrations.RunSQL.noop,
        ),
    ]
