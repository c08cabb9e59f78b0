from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('outreach', '0005_answers'),
    ]

    operations = [
        migrations.AlterField(
            model_name='originpolicy',
            name='origin',
            field=models.CharField(choices=[('REPLIED', 'REPLIED'), ('TYPED', 'TYPED'), ('ADOPTED', 'ADOPTED'), ('CAPTCHA', 'CAPTCHA'), ('IMPORTED', 'IMPORTED'), ('PROVIDER', 'PROVIDER'), ('PAGE', 'PAGE'), ('GUESSED', 'GUESSED'), ('HARVESTED', 'HARVESTED')], max_length=10),
        ),
    ]
