from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('enrichment', '0007_captcha_challenges'),
    ]

    operations = [
        migrations.AddField(
            model_name='harvestsource',
            name='walls_counted_from',
            field=models.DateTimeField(editable=False, help_text='When somebody last resumed it; older walls are past.', null=True),
        ),
    ]
