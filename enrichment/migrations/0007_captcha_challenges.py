import django.db.models.deletion
import django.utils.timezone
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('enrichment', '0006_harvests'),
        ('icp', '0007_lifting_takes_two'),
    ]

    operations = [
        migrations.AlterField(
            model_name='evidence',
            name='source',
            field=models.CharField(choices=[('OPERATOR', 'Operator'), ('CAPTCHA', 'CAPTCHA resolution'), ('REGISTER', 'Register'), ('PAGE', 'Page, by rule'), ('PROVIDER', 'Provider'), ('LLM', 'Language model'), ('IMPORT', 'Import')], max_length=10),
        ),
        migrations.CreateModel(
            name='CaptchaChallenge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('url', models.CharField(blank=True, help_text='What the person opens.', max_length=2000)),
                ('host', models.CharField(blank=True, max_length=255)),
                ('make', models.CharField(help_text='Of the wall, as the rules know it.', max_length=40)),
                ('state', models.CharField(choices=[('OPEN', 'Waiting'), ('CLAIMED', 'In hand'), ('SOLVED', 'Passed'), ('GIVEN_UP', 'Given up'), ('CANCELLED', 'No longer needed')], default='OPEN', max_length=10)),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now, help_text='Its place in the queue; later once it was skipped.')),
                ('due_at', models.DateTimeField(help_text='Given up then, whoever has not come to it.')),
                ('tries', models.PositiveSmallIntegerField(default=0, help_text='Times somebody could not pass.')),
                ('claimed_by', models.CharField(blank=True, max_length=150)),
                ('held_until', models.DateTimeField(null=True)),
                ('lease', models.PositiveIntegerField(default=0, help_text='Number of the claim.')),
                ('failed_by', models.CharField(blank=True, help_text='Who could not pass last.', max_length=150)),
                ('settled_at', models.DateTimeField(null=True)),
                ('settled_by', models.CharField(blank=True, max_length=150)),
                ('found', models.CharField(blank=True, help_text='Kinds of what was found, never the values.', max_length=40)),
                ('lead', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='challenges', to='icp.lead')),
                ('listing', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='challenges', to='enrichment.listing')),
                ('source', models.ForeignKey(help_text='Of its listing; of a list page, the source alone.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='challenges', to='enrichment.harvestsource')),
            ],
            options={
                'verbose_name': 'CAPTCHA challenge',
                'indexes': [models.Index(condition=models.Q(('state__in', ['OPEN', 'CLAIMED'])), fields=['queued_at', 'id'], name='challenge_queue'), models.Index(fields=['host'], name='challenge_by_host'), models.Index(fields=['source', 'opened_at'], name='challenge_by_source')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['OPEN', 'CLAIMED'])), fields=('lead',), name='challenge_waits_once_per_lead'), models.UniqueConstraint(condition=models.Q(('lead', None), ('state__in', ['OPEN', 'CLAIMED'])), fields=('listing',), name='challenge_waits_once_per_listing'), models.UniqueConstraint(condition=models.Q(('lead', None), ('listing', None), ('state__in', ['OPEN', 'CLAIMED'])), fields=('source',), name='challenge_waits_once_per_list_page'), models.CheckConstraint(condition=models.Q(('lead__isnull', False), ('source__isnull', False), _connector='OR'), name='challenge_is_of_a_lead_or_a_source'), models.CheckConstraint(condition=models.Q(models.Q(('held_until__isnull', False), ('state', 'CLAIMED'), models.Q(('claimed_by', ''), _negated=True)), models.Q(models.Q(('state', 'CLAIMED'), _negated=True), ('claimed_by', ''), ('held_until', None)), _connector='OR'), name='challenge_claimed_iff_by_whom_and_until'), models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('settled_by', ''), ('state__in', ['OPEN', 'CLAIMED'])), models.Q(('settled_at__isnull', False), ('state__in', ['SOLVED', 'GIVEN_UP', 'CANCELLED']), models.Q(('settled_by', ''), _negated=True)), _connector='OR'), name='challenge_settled_iff_when_and_by_whom'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'SOLVED'), models.Q(('found', ''), _negated=True)), models.Q(models.Q(('state', 'SOLVED'), _negated=True), ('found', '')), _connector='OR'), name='challenge_passed_iff_says_what_was_found')],
            },
        ),
    ]
