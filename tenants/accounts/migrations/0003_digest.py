from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_configuration'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='digest',
            field=models.CharField(choices=[('none', 'Not at all'), ('daily', 'Every day'), ('weekly', 'Every Monday')], db_default='none', default='none', max_length=6),
        ),
        migrations.AddField(
            model_name='user',
            name='digested_until',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
