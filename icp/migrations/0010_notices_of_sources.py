from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('icp', '0009_moves'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='kind',
            field=models.CharField(choices=[('NIGHT_DONE', 'A night has finished'), ('NIGHT_FAILED', 'A night has failed'), ('MAILBOX', 'A mailbox does not send'), ('BUDGET', "A vendor's budget is nearly or wholly used, or its key is refused"), ('PEOPLE', "An opt-out is not heeded, or a person's request is due"), ('SOURCE', 'A harvest source has paused itself'), ('WATCHED', 'Something you watch has changed')], max_length=12),
        ),
    ]
